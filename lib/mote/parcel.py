"""A record as it waits: its identity, when it was taken and its readings, as one bytes object, in RAM and in flash.

    generation (1) ‖ boot counter (4) ‖ number (4) ‖ seconds since 1970 or 0 (4) ‖ ms since the start (8) ‖ readings

The readings are one CBOR array of name, unit, value and time of each. It takes not much more than half of what the
sealed record does (81 bytes for 141), and outlives the epoch: sealed, or made JSON, is it when it is about to be sent.
"""

import struct

from mote import cbor, const, record

_HEAD = ">BIIIQ"
_HEAD_SIZE = const(21)
_TIMES_AT = const(9)
_FIELDS = const(4)
_UNKNOWN = b"\xff\xff\xff\xff\xff\xff\xff\xff"  # ms of a start that is over: its count says nothing any more
_ITEMS = const(257)

SHORTEST = _HEAD_SIZE + 1  # bytes of a parcel: the readings are one byte at least


def pack(identity, now, ms, readings):
    """Return the parcel of `readings`, taken `ms` milliseconds after the start.

    `identity` is (generation, boot counter, number), `now` the time in seconds since 1970, or None where it is not
    known. Numbers are put into single precision, which is what a record holds.
    """
    flat = []
    for reading in readings:
        value = reading.value
        flat += (reading.name, reading.unit, cbor.single(value) if isinstance(value, float) else value, reading.time)
    generation, boot, number = identity
    return struct.pack(_HEAD, generation, boot, number, now or 0, ms) + cbor.encode(flat)


def identity(data):
    """Return (generation, boot counter, number) of a parcel."""
    return struct.unpack_from(">BII", data, 0)


def taken(data, now, ms):
    """Return when the record was taken, in seconds since 1970, or None.

    It is reckoned from `now`, the time now, and `ms`, now since the start, so that a clock which was wrong then and is
    right now does no harm; either is None where it is not known, `ms` also where the parcel is of an earlier start.
    Then it is what the parcel says.
    """
    known, since = struct.unpack_from(">IQ", data, _TIMES_AT)
    if now is None or ms is None or data[_TIMES_AT + 4 : _HEAD_SIZE] == _UNKNOWN:
        return known or None
    return now - (ms - since) // 1000


def waited(data, ms):
    """Return for how many milliseconds a parcel of this start has waited, `ms` after the start."""
    return ms - struct.unpack_from(">Q", data, _TIMES_AT + 4)[0]


def of_earlier_start(data):
    """Return the parcel without the milliseconds, which nobody can read after its start is over."""
    return data[: _TIMES_AT + 4] + _UNKNOWN + data[_HEAD_SIZE:]


def readings(data):
    """Return the Readings of a parcel. Raises ValueError where it is none."""
    flat = cbor.decode(memoryview(data)[_HEAD_SIZE:], 1, _ITEMS)
    if not isinstance(flat, list) or len(flat) % _FIELDS:
        raise ValueError("no readings")
    return [record.Reading(*flat[i : i + _FIELDS]) for i in range(0, len(flat), _FIELDS)]
