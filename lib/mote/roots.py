"""A mote's root keys: the one that came by cable, and the one that follows it over the air.

Two slots, `root` and `root2`. Provisioning writes 32 bytes into the first, whose generation the
settings name: the base of all that follow it. Over the air a key comes as a sealed update and is saved
in the slot that does not hold the newest, as version (1) ‖ base (1) ‖ generation (1) ‖ root (32) ‖
CRC-32 of these (4). A slot of another base is left from an earlier life of the board, before it was
last provisioned, and is as good as empty. Of the others the highest generation wins, so that the write
which makes a key whole also puts it in force, and a power cut at any byte of it leaves the key before
it in force.
"""

import binascii
import struct

from mote import const, keys, sealed, topics
from mote.vault import read_slot

_VERSION = const(2)
_SLOTS = ("root", "root2")
_ROOT = const(32)
SIZE = const(39)  # of a slot; so many zeros are an erased one
_LONGEST_UPDATE = const(128)
_LEAF = "update"


class RootError(Exception):
    """The new root key could not be saved; the old one stays in force."""


def slot(base, generation, root):
    """Return the 39 bytes of a slot, where `base` is the generation of the key that came by cable."""
    body = bytes((_VERSION, base, generation)) + root
    return body + struct.pack(">I", binascii.crc32(body))


def seal_update(root, fleet_id, mote_id, generation, successor, random8, aead):
    """Return the update that gives the mote whose root key is `root` its `successor`, of `generation`.

    Whoever keeps the roots makes it: neither the gateway that passes it on nor a broker can open it.
    """
    epoch = sealed.make_epoch(generation, 0, random8)
    context = sealed.Context(keys.subkey(root, fleet_id, keys.UPDATE), fleet_id, sealed.UPDATE, epoch, aead)
    return context.seal(0, topics.name(mote_id, _LEAF), successor)


def _parse(data, base):
    """Return (generation, root) of a slot in a life that began with generation `base`, or None."""
    if data is None or len(data) != SIZE or data[0] != _VERSION or data[1] != base or data[2] <= base:
        return None
    if binascii.crc32(data[:-4]) != struct.unpack(">I", data[-4:])[0]:
        return None
    return data[2], data[3:-4]


class Roots:
    """The root key in force as `root` and `generation`; `older` is the one before it until it is retired, or None."""

    def __init__(self, vault, base):
        """Read both slots of `vault`; `root` is None where neither holds a key. `base` is the settings' generation."""
        self._vault = vault
        self._base = base
        self.generation = base
        self.root = None
        self.older = None
        self._at = 0
        for i in (0, 1):
            data = read_slot(vault, _SLOTS[i], SIZE)
            # As it came by cable, which is never into the second slot.
            found = (base, data) if i == 0 and data is not None and len(data) == _ROOT else _parse(data, base)
            if found is None:
                continue
            if self.root is None or found[0] > self.generation:
                self.older = self.root
                self.generation, self.root = found
                self._at = i
            elif found[0] < self.generation:
                self.older = found[1]

    def accept(self, update, fleet_id, mote_id):
        """Save the root key in `update`; it is in force when this returns.

        Raises sealed.Refused where the update does not verify under the key in force or is not newer than it,
        RootError where the new key cannot be read back, OSError where it cannot be written.
        """
        envelope = sealed.parse(update, _LONGEST_UPDATE)
        generation, counter, _ = sealed.split_epoch(envelope.epoch)
        if envelope.kid != sealed.UPDATE or counter or envelope.sequence or generation <= self.generation:
            raise sealed.Refused("not an update of this key")
        context = sealed.Context(keys.subkey(self.root, fleet_id, keys.UPDATE), fleet_id, sealed.UPDATE, envelope.epoch)
        root = bytes(context.open(envelope, topics.name(mote_id, _LEAF)))
        if len(root) != _ROOT:
            raise sealed.Refused("not a root key")
        data = slot(self._base, generation, root)
        at = 1 - self._at
        self._vault.put(_SLOTS[at], data)
        if read_slot(self._vault, _SLOTS[at], SIZE) != data:
            raise RootError("the new root key could not be saved")
        self.older = self.root
        self.generation, self.root, self._at = generation, root, at

    def retire(self):
        """Overwrite the older root key. Raises OSError where that fails; then it can be done later."""
        if self.older is not None:
            self._vault.put(_SLOTS[1 - self._at], bytes(SIZE))
            self.older = None
