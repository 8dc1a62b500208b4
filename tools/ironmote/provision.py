"""What provisioning writes onto a board, and in what order: a plan, which a board's folder or a cable carries out.

    1  settings.last erased: what worked in an earlier life is nothing to go back to; the earlier life goes on without
    2  settings      erased: from here on the mote stops and asks to be provisioned, whatever else is on the board
    3  root2         erased: a key that came over the air in an earlier life of the board
    4  root          the new key, or erased where there is none
    5  …             the other secrets, then the files, code and certificates
    6  settings      written: they name the generation of `root`, and with them the new life begins

So wherever the cable is pulled, the board holds its earlier life whole, a mote that says nothing, or the new life
whole: never a key of one life under the generation of another.

What is on the board already is not written again. Where its root key and its boot counters are of this very life, the
life goes on: new code or settings come; the counters, a key that came over the air and the last settings that worked
stay.
"""

import enum
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mote import epoch, lastgood, roots
from mote import settings as device_settings

from .certificates import Credential
from .errors import IronmoteError
from .fleet import Mote

_ROOT, _FROM_THE_AIR = "root", "root2"
_LIVED = (_FROM_THE_AIR, *epoch.SLOTS)  # what a mote changes by living; no path on a board is called so
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
    found = {"wifi": wifi, epoch.SLOTS[0]: epoch.slot(mote.generation, 0), epoch.SLOTS[1]: _NO_COUNTER}
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


def digest(files: Mapping[str, bytes]) -> str:
    """The SHA-256, in hex, of all `files`, by their paths."""
    whole = hashlib.sha256()
    for path, content in sorted(files.items()):
        whole.update(path.encode() + b"\0" + hashlib.sha256(content).digest())
    return whole.hexdigest()


@dataclass(frozen=True)
class Held:
    """What a board holds of what a plan names.

    `files` and `secrets` are the SHA-256 of each that is there, by name; `counters` what its boot counters' slots hold;
    `lived` the SHA-256 of each root key that came over the air.
    """

    files: Mapping[str, bytes]
    secrets: Mapping[str, bytes]
    counters: Sequence[bytes]
    lived: Sequence[bytes] = ()


def remaining(writes: Sequence[Write], held: Held) -> tuple[Write, ...]:
    """Those of `writes`, a whole plan, that the board still needs, in their order; none where it has everything.

    Raises IronmoteError where a new life would begin under a key that the board has had: its counters would repeat.
    """
    lives_on = goes_on(writes, held)
    erasing, rest, settings = writes[:2], writes[2:-1], writes[-1]
    missing = [each for each in rest if not there(each, held)]
    if lives_on:
        missing = [
            each for each in missing if each.name not in (_FROM_THE_AIR, *epoch.SLOTS) or each.place is Place.FLASH
        ]
    if not missing and there(settings, held):
        return ()
    # In a life that goes on the last settings that worked stay: new ones that do not work give way to them.
    erasing = [
        each
        for each in (erasing[1:] if lives_on else erasing)
        if held.files.get(each.name) not in (None, hashlib.sha256(b"").digest())
    ]
    return (*erasing, *missing, settings)


def there(write: Write, held: Held) -> bool:
    """True where the board holds what `write` would put there."""
    digests = held.files if write.place is Place.FLASH else held.secrets
    return digests.get(write.name) == hashlib.sha256(write.content).digest()


def goes_on(writes: Sequence[Write], held: Held) -> bool:
    """True where the board lives the life that `writes`, a whole plan, are of.

    Raises IronmoteError where a new life would begin under a key that the board has had.
    """
    vault = {each.name: each for each in writes if each.place is Place.VAULT}
    begun = epoch.parse_slot(vault[epoch.SLOTS[0]].content) if epoch.SLOTS[0] in vault else None
    root = vault[_ROOT]
    counted = [found[0] for found in map(epoch.parse_slot, held.counters) if found]
    same_root = there(root, held) or (root.content == _ERASED and _ROOT not in held.secrets)
    if begun is None or (same_root and counted and max(counted) >= begun[0]):
        return True
    if root.content != _ERASED and hashlib.sha256(root.content).digest() in held.lived:
        raise IronmoteError("this board has had that root key before; give the mote a new one and provision it again")
    return False
