"""What provisioning writes onto a board, and in what order: a plan, which a board's folder or a cable carries out.

    1  settings.last erased: what worked in an earlier life is nothing to go back to; the earlier life goes on without
    2  settings      erased: from here on the mote stops and asks to be provisioned, whatever else is on the board
    3  root2         erased: a key that came over the air in an earlier life of the board
    4  root          the new key, or erased where there is none
    5  …             the other secrets, then the files, code and certificates
    6  settings      written: they name the generation of `root`, and with them the new life begins

So wherever the cable is pulled, the board holds its earlier life whole, a mote that says nothing, or the new life
whole: never a key of one life under the generation of another.
"""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mote import epoch, lastgood, roots
from mote import settings as device_settings

from .certificates import Credential
from .errors import IronmoteError
from .fleet import Mote

_ROOT, _FROM_THE_AIR = "root", "root2"
_ERASED = bytes(roots.SIZE)
_NO_COUNTER = bytes(epoch.SLOT_SIZE)


class Place(enum.Enum):
    """Where on a board something is kept."""

    FLASH = "flash"  # its file system; the name is a path from /
    VAULT = "vault"  # its secrets (mote.vault): non-volatile storage where the chip has one


@dataclass(frozen=True)
class Write:
    """One thing to put onto a board, in place of what has this name there. It is on the board before the next is."""

    place: Place
    name: str
    content: bytes = field(repr=False)


def secrets_for(
    mote: Mote, wifi: bytes, credential: Credential | None = None, more_wifi: Sequence[bytes] = ()
) -> dict[str, bytes]:
    """What the vault of `mote` holds when its life begins, by name.

    `wifi` is the access point's password, `more_wifi` those of `wifi.more` in the settings, in that order, `credential`
    what certified motes need. The boot counter begins anew, so the root key has to be one that no board was given
    before.
    """
    found = {"wifi": wifi, "boot0": epoch.slot(mote.generation, 0), "boot1": _NO_COUNTER}
    found |= {f"wifi{number}": passphrase for number, passphrase in enumerate(more_wifi, 1)}
    if credential is not None:
        found["key"] = credential.key_der
    if mote.seals or mote.shares_key:
        found[_ROOT] = mote.root
    return found


def plan(files: Mapping[str, bytes], secrets: Mapping[str, bytes]) -> tuple[Write, ...]:
    """The writes that make a board the one with these `files`, settings among them, and `secrets`, in their order.

    Secrets that are not named stay, except root keys. Raises IronmoteError where there are no settings.
    """
    if device_settings.PATH not in files:
        raise IronmoteError("a board cannot be provisioned without its settings")
    keys = {_FROM_THE_AIR: _ERASED, _ROOT: _ERASED} | dict(secrets)
    return (
        Write(Place.FLASH, lastgood.PATH, b""),
        Write(Place.FLASH, device_settings.PATH, b""),
        *(Write(Place.VAULT, name, content) for name, content in keys.items()),
        *(Write(Place.FLASH, path, content) for path, content in files.items() if path != device_settings.PATH),
        Write(Place.FLASH, device_settings.PATH, files[device_settings.PATH]),
    )
