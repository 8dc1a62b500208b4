"""The batch: records that wait in RTC memory, over wakings that send nothing, in a block of their own.

It outlives every reset but the loss of power, as what the ledger knows of their numbers does. Its body is

    generation (1) ‖ boot counter (4) ‖ first number (4) ‖ seconds since 1970 when it was packed, or 0 (4)
    then for each: number - first (2) ‖ ms between taking and packing (4) ‖ length (2) ‖ readings, as in a parcel

and its CRC covers the chip and the owner of the records too. Nothing of it is written to flash, and nothing sealed.
"""

import struct

from mote import const, parcel, rtc

_HEAD = ">BIII"
_HEAD_SIZE = const(13)
_ENTRY = ">HIH"
_ENTRY_SIZE = const(8)
_FARTHEST = const(0xFFFF)
_LONGEST_MS = const(0xFFFFFFFF)


def pack(parcels, now, ms, key):
    """Return the block with `parcels` in it, b"" for none, or None where they cannot be in one block.

    `now` is the time in seconds since 1970 or None, `ms` the milliseconds since the start; `key` names chip and owner.
    """
    if not parcels:
        return b""
    generation, boot, first = parcel.identity(parcels[0])
    body = struct.pack(_HEAD, generation, boot, first, now or 0)
    for data in parcels:
        of, counter, number = parcel.identity(data)
        waited = parcel.waited(data, ms)
        if (of, counter) != (generation, boot) or not 0 <= number - first <= _FARTHEST:
            return None
        if waited is None or not 0 <= waited <= _LONGEST_MS:
            return None
        readings = parcel.body(data)
        body += struct.pack(_ENTRY, number - first, waited, len(readings)) + readings
    return rtc.frame(rtc.BATCH, body, key) if len(body) <= _FARTHEST else None


def unpack(block, ms, key):
    """Return the parcels in `block`, none where it is not whole, or of another chip or owner.

    It was packed `ms` milliseconds after this start, which is less than 0 before it, or None where nobody knows: then
    each has the time that it was taken at, if that was known.
    """
    body = rtc.unframe(rtc.BATCH, block, key)
    if body is None or len(body) < _HEAD_SIZE:
        return []
    generation, boot, first, now = struct.unpack_from(_HEAD, body)
    parcels = []
    at = _HEAD_SIZE
    while at < len(body):
        if at + _ENTRY_SIZE > len(body):
            return []
        number, waited, size = struct.unpack_from(_ENTRY, body, at)
        at += _ENTRY_SIZE + size
        if at > len(body) or not size:
            return []
        identity = (generation, boot, first + number)
        taken = now - waited // 1000 if now else None
        parcels.append(parcel.join(identity, taken, None if ms is None else ms - waited, body[at - size : at]))
    return parcels
