"""A record as it waits: its identity, when it was taken and its readings, as one bytes object, in RAM and in flash.

    generation (1) ‖ boot counter (4) ‖ number (4) ‖ seconds since 1970 or 0 (4) ‖ ms since the start (8, signed: what
    was taken before a deep sleep was taken before this start; -1: not known) ‖ readings

The readings are one CBOR array of name, unit, value and time of each. It takes not much more than half of what the
sealed record does (81 bytes for 141), and outlives the epoch: sealed, or made JSON, is it when it is about to be sent.
"""

import struct

from mote import cbor, const, record

_HEAD = ">BIIIq"
_HEAD_SIZE = const(21)
_TIMES_AT = const(9)
_FIELDS = const(4)
_UNKNOWN = const(-1)  # ms of a start that is over: its count says nothing any more
_ITEMS = const(256)

SHORTEST = _HEAD_SIZE + 1  # bytes of a parcel: the readings are one byte at least


def pack(identity, now, ms, readings):
    """Return the parcel of `readings`, taken `ms` milliseconds after the start.

    `identity` is (generation, boot counter, number), `now` the time in seconds since 1970, or None where it is not
    known. Numbers are put into single precision, which is what a record holds.
    """
    out = bytearray(cbor.head(cbor.ARRAY, len(readings) * _FIELDS))
    for reading in readings:
        value = reading.value
        for each in (
            reading.name,
            reading.unit,
            cbor.single(value) if isinstance(value, float) else value,
            reading.time,
        ):
            cbor.append(out, each)
    return join(identity, now, ms, out)


def join(identity, now, ms, body):
    """Return the parcel with what `body` returned of another; `ms` is None where it is not known."""
    if ms is None:
        ms = _UNKNOWN
    elif ms == _UNKNOWN:
        ms -= 1
    return struct.pack(_HEAD, identity[0], identity[1], identity[2], now or 0, ms) + body


def body(data):
    """Return the readings of a parcel as they are in it."""
    return data[_HEAD_SIZE:]


def identity(data):
    """Return (generation, boot counter, number) of a parcel."""
    return struct.unpack_from(">BII", data, 0)


def taken(data, now, ms):
    """Return when the record was taken, in seconds since 1970, or None.

    It is reckoned from `now`, the time now, and `ms`, now since the start, so that a clock which was wrong then and is
    right now does no harm; either is None where it is not known, `ms` also where the parcel is of an earlier start.
    Then it is what the parcel says.
    """
    known, since = struct.unpack_from(">Iq", data, _TIMES_AT)
    if now is None or ms is None or since == _UNKNOWN:
        return known or None
    return now - (ms - since) // 1000


def waited(data, ms):
    """Return for how many milliseconds a parcel has waited, `ms` after the start; None where nobody knows."""
    since = struct.unpack_from(">q", data, _TIMES_AT + 4)[0]
    return None if since == _UNKNOWN else ms - since


def of_earlier_start(data):
    """Return the parcel without the milliseconds, which nobody can read after its start is over."""
    return data[: _TIMES_AT + 4] + struct.pack(">q", _UNKNOWN) + data[_HEAD_SIZE:]


def readings(data):
    """Yield the Readings of a parcel. Raises ValueError, at the first that is wrong, where it is none.

    One after the other: on a small board there is no room for many of them at once.
    """
    fields = []
    for each in cbor.items_of(memoryview(data)[_HEAD_SIZE:], _ITEMS):
        fields.append(each)
        if len(fields) == _FIELDS:
            yield record.Reading(*fields)
            fields.clear()
    if fields:
        raise ValueError("no readings")
