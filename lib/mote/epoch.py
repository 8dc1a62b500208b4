"""The epoch: under which keys a mote seals since its last boot, never the same twice.

An epoch is generation (1 byte) ‖ boot counter (4, big-endian) ‖ random (8). The counter lives in
two slots, written alternately, each with a CRC; the higher valid one wins. It is raised, written
and read back before anything is sealed, so a power cut at any instant leaves a valid slot, and
the boots before and after it differ in the counter or in the random part.

The counter goes on over the generations of the root key: a slot of an earlier generation counts, so
a mote that lost its power between saving a new root key and its first epoch under it is not bricked.
"""

import binascii
import hashlib
import struct

from mote import const
from mote.vault import read_slot

SLOT_SIZE = const(10)
_VERSION = const(1)
SLOTS = ("boot0", "boot1")
_MAX = const(0xFFFFFFFF)


class EpochError(Exception):
    """No boot counter can be trusted: the mote must be provisioned again."""


class NotSaved(EpochError):
    """The boot counter could not be written: nothing may be sent now, and another start may find room for it."""


def slot(generation, counter):
    """Return the 10 bytes of a slot: version, generation, counter, CRC-32 of these."""
    body = struct.pack(">BBI", _VERSION, generation, counter)
    return body + struct.pack(">I", binascii.crc32(body))


def parse_slot(data):
    """Return (generation, counter) of a slot, or None where `data` is not a valid one."""
    if data is None or len(data) != SLOT_SIZE:
        return None
    version, generation, counter, crc = struct.unpack(">BBII", data)
    if version != _VERSION or generation == 0 or crc != binascii.crc32(data[:6]):
        return None
    return generation, counter


def _counter(data):
    """Return the counter in a slot, or -1 where it is not a valid slot."""
    found = parse_slot(data)
    return found[1] if found else -1


def is_last(vault, made):
    """True where the epoch `made` is the one that was begun last, by its generation and its counter."""
    newest = None
    for name in SLOTS:
        found = parse_slot(read_slot(vault, name, SLOT_SIZE))
        if found and (newest is None or found[1] > newest[1]):
            newest = found
    return newest is not None and made[:5] == struct.pack(">BI", newest[0], newest[1])


def begin(vault, generation, entropy):
    """Start an epoch and return its 13 bytes; `entropy` is drawn anew for each call.

    `vault` has get(name, limit) and put(name, data). Raises EpochError where no slot is valid
    or the counter is spent, NotSaved where the new one cannot be read back.
    """
    counters = [_counter(read_slot(vault, name, SLOT_SIZE)) for name in SLOTS]
    highest = max(counters)
    if highest < 0:
        raise EpochError("no valid boot counter; provision this mote again")
    if highest >= _MAX:
        raise EpochError("the boot counter is spent; provision this mote again")
    # The slot that does not hold the highest counter: the other stays valid while this one is written.
    target = SLOTS[1 if counters[0] == highest else 0]
    data = slot(generation, highest + 1)
    try:
        vault.put(target, data)
    except OSError:
        pass  # what is read back decides
    if read_slot(vault, target, SLOT_SIZE) != data:
        raise NotSaved("the boot counter could not be saved; nothing is sent")
    head = struct.pack(">BI", generation, highest + 1)
    return head + hashlib.sha256(entropy + head).digest()[:8]
