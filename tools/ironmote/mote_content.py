"""What the board of one of the fleet's motes shall hold: from its file, the fleet's folder and its keys.

A board that does not live the mote's life gets a new one under a new root key, unless the key was never on a board:
its boot counter begins anew, and under a key that was used it would repeat itself.
"""

import os
import time
from collections.abc import Mapping
from typing import Any

from . import boards, device, mote_file, provision
from .boards import Profile
from .commission import Choice, Content
from .errors import IronmoteError
from .fleet import MAX_GENERATION, ROOT_BYTES, Mote
from .open_folder import OpenFolder


def content(held: OpenFolder, mote_id: str, choice: Choice, before: Mapping[str, Any] | None) -> Content:
    """What the mote's board shall hold now that its channel is known; `before` are the settings that it holds, or None.

    The fleet is saved: no key leaves this computer that is not in the key store. Raises IronmoteError.
    """
    folder, mote, entry = held.folder, held.fleet.motes[mote_id], held.entry(mote_id)
    goes_on = _is(before, held, mote)
    if not goes_on and entry.provisioned is not None:
        _begin_life(mote)
        entry.provisioned = None
    mote.channel, mote.why = entry.channel, entry.why = choice.channel, choice.why
    zone = folder.zone_of(folder.mote_file(mote_id), entry)
    mote.zone, mote.connect = zone.name, zone.connect
    floor = before.get("clock_floor") if before is not None and goes_on else None
    floor = floor if type(floor) is int else int(time.time())
    profile, settings, passphrases = told(held, mote, floor)
    credential = held.credential(mote_id) if mote.certified else None
    public = {}
    if credential is not None:
        public = {"/ca.der": held.authority.ca_der, "/cert.der": credential.cert_der}
    files = device.build_flash(profile, settings, public)
    held.save()
    return Content(files, provision.secrets_for(mote, passphrases[0], credential, passphrases[1:]))


def find(held: OpenFolder, mote_id: str) -> Mote:
    """The mote of that id, which may be put onto a board: all is known that it needs. Raises IronmoteError."""
    if mote_id not in held.fleet.motes:
        raise held.folder.unknown(mote_id)
    if held.entry(mote_id).revoked:
        raise IronmoteError(f"{mote_id} was revoked; remove it and add it again, which gives it another key")
    mote = held.fleet.motes[mote_id]
    told(held, mote, int(time.time()))
    return mote


def told(held: OpenFolder, mote: Mote, clock_floor: int) -> tuple[Profile, dict[str, Any], list[bytes]]:
    """The mote's profile, its settings, and the passphrases of its networks. Raises IronmoteError."""
    file = held.folder.mote_file(mote.id)
    profile = boards.load(file.board)
    settings = mote_file.compile(file, profile, held.folder.known(mote, clock_floor))
    networks = [settings["wifi"]["ssid"], *(settings["wifi"].get("more") or ())]
    return profile, settings, [_passphrase(held, name).encode() for name in networks]


def elsewhere(held: OpenFolder, mote_id: str, before: Mapping[str, Any] | None) -> bool:
    """True where the mote lives on another board than the one that holds the settings `before`."""
    return held.entry(mote_id).provisioned is not None and not _is(before, held, held.fleet.motes[mote_id])


def hand_out(held: OpenFolder, mote_id: str, given: Content) -> None:
    """The next write puts `given` in force on a board: from here on its root key counts as used.

    Whatever becomes of the cable or of this process: another board never gets the same key.
    """
    held.entry(mote_id).provisioned = provision.digest(given.files)
    held.save()


def note(held: OpenFolder, mote_id: str, given: Content) -> None:
    """A board holds `given`, whole."""
    held.entry(mote_id).provisioned_at = int(time.time())
    hand_out(held, mote_id, given)


def _is(before: Mapping[str, Any] | None, held: OpenFolder, mote: Mote) -> bool:
    """True where a board with these settings is this mote, in this life."""
    wanted = {"fleet": held.folder.file.id, "mote": mote.id, "generation": mote.generation}
    return before is not None and all(before.get(name) == value for name, value in wanted.items())


def _begin_life(mote: Mote) -> None:
    # A successor may have reached the board: its generation is spent too.
    generation = mote.generation + 1 + (mote.successor is not None)
    if generation > MAX_GENERATION:
        raise IronmoteError(f"{mote.id} has had {MAX_GENERATION} root keys; give it another id")
    mote.generation, mote.root, mote.successor = generation, os.urandom(ROOT_BYTES), None


def _passphrase(held: OpenFolder, network: str) -> str:
    try:
        return held.secrets.wifi[network]
    except KeyError:
        raise IronmoteError(f"the passphrase of the network {network} is not known: ironmote wifi {network}") from None
