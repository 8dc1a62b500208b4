"""Records: packs of Readings in SenML (RFC 8428), JSON inside TLS and CBOR when sealed.

The first entry carries the base name `<id>/`, the time taken, and the record's identity under the
label `ri`, an extension that other readers of SenML pass over (RFC 8428, 4.4). A mote packs and never
unpacks, so how records are read is in `senml`, which is loaded by whoever calls for it.
"""

import json
import struct
from collections import namedtuple

from mote import cbor, const

# value: float, int, bool or str; time: seconds since 1970, or None for the record's own
Reading = namedtuple("Reading", "name unit value time")
# identity: (generation, boot counter, number); base_time: seconds since 1970, or None
Record = namedtuple("Record", "identity base_time readings")

# SenML units by what a sensor measures (RFC 8428, 12.1)
UNITS = {"temperature": "Cel", "humidity": "%RH", "pressure": "Pa", "illuminance": "lx"}

LONGEST_TEXT = const(64)
_LONGEST_NAME = const(32)
_LARGEST = const(1 << 53)  # what a double, and so any reader of SenML, counts exactly

# CBOR labels (RFC 8428, 6, table 4)
_BN = const(-2)
_BT = const(-3)
_N = const(0)
_U = const(1)
_V = const(2)
_VS = const(3)
_VB = const(4)
_T = const(6)


class RecordError(ValueError):
    """Not a record of this mote; or nothing that a record can hold."""


def identity(generation, counter, number):
    """Return a record's identity as text: `<generation>.<boot counter>.<number>`."""
    return "%d.%d.%d" % (generation, counter, number)


def parse_identity(text):
    """Return (generation, boot counter, number). Raises RecordError."""
    parts = text.split(".") if isinstance(text, str) and len(text) <= 25 else ()
    if len(parts) != 3 or any(not part or any(c not in "0123456789" for c in part) for part in parts):
        raise RecordError("no identity")
    found = tuple(int(part) for part in parts)
    if found[0] > 0xFF or max(found) > 0xFFFFFFFF or "%d.%d.%d" % found != text:
        raise RecordError("no identity")
    return found


# Texts are looked at by their bytes: going through a str by letters, MicroPython keeps each letter that is not ASCII
# for ever, and whoever may send texts would fill its memory.


def is_name(text):
    """True where `text` is a name within a mote: [A-Za-z0-9][A-Za-z0-9_.:/-]{0,31} (after RFC 8428, 4.5.1)."""
    if not isinstance(text, str) or not 0 < len(text) <= _LONGEST_NAME or text.startswith(("_", ".", ":", "/", "-")):
        return False
    return all(97 <= byte <= 122 or 65 <= byte <= 90 or 48 <= byte <= 57 or byte in b"_.:/-" for byte in _bytes(text))


def is_text(text, longest):
    """True where `text` is a str of at most `longest` characters, with no control character and no lone surrogate.

    Half of a pair comes out of JSON ("\\ud800"), and UTF-8 cannot hold it (RFC 8259, 8.2).
    """
    if not isinstance(text, str) or len(text) > longest:
        return False
    lead = 0
    for byte in _bytes(text):
        if byte < 32 or byte == 127 or (lead == 0xC2 and byte < 0xA0):  # C2 80 to C2 9F are U+0080 to U+009F
            return False
        if lead == 0xED and byte >= 0xA0:  # a surrogate (RFC 3629, 3), which MicroPython's json lets through
            return False
        lead = byte
    return True


def _bytes(text):
    """Return `text` in UTF-8; what has no such form (CPython, half a surrogate pair) as a byte that is nobody's."""
    try:
        return text.encode()
    except UnicodeError:
        return b"\x00"


def is_number(value):
    """True where `value` is a number that a record can hold: finite, and within what a double counts exactly."""
    return isinstance(value, (int, float)) and -_LARGEST <= value <= _LARGEST


def _number(value):
    """Return `value` as a board has it: an int, or a float of single precision. Raises RecordError."""
    if isinstance(value, int):
        if not -_LARGEST <= value <= _LARGEST:
            raise RecordError("a number that is too large")
        return value
    if not isinstance(value, float):
        raise RecordError("no number")
    try:
        value = cbor.single(value)
    except OverflowError:  # CPython; MicroPython makes it infinite
        raise RecordError("a number that is too large")
    if value - value != 0:  # infinite, or not a number
        raise RecordError("no finite number")
    return value


def _after(time, base_time):
    """Return `time` counted from `base_time`, both in seconds since 1970 or None; 0 where it is the same."""
    if time is None:
        return 0
    time -= base_time or 0
    if time - time != 0:
        raise RecordError("no time")
    return int(time) if time == int(time) else time


def _fields(reading):
    """Return the CBOR map of `reading`, without its time. Raises RecordError."""
    value = reading.value
    fields = {_N: reading.name}  # names are checked once, with the settings
    if reading.unit:
        fields[_U] = reading.unit
    if isinstance(value, bool):
        fields[_VB] = value
    elif isinstance(value, str):
        if not is_text(value, LONGEST_TEXT):
            raise RecordError("a text that is too long, or has control characters")
        fields[_VS] = value
    else:
        fields[_V] = _number(value)
    return fields


def pack_cbor(base_name, base_time, identity, readings):
    """Return the record as SenML in CBOR; numbers in single precision, which is what boards have.

    `base_name` is `<id>/`, `base_time` seconds since 1970 or None, `identity` the text of identity().
    Raises RecordError.
    """
    # One entry after the other: as one list they took three times the memory of the record.
    pack = bytearray()
    count = 0
    for reading in readings:
        fields = _fields(reading)
        time = _after(reading.time, base_time)
        if time:
            fields[_T] = time
        if not count:
            fields[_BN] = base_name
            fields["ri"] = identity
            if base_time is not None:
                fields[_BT] = base_time
        pack.extend(cbor.encode(fields))
        count += 1
    if not count:
        raise RecordError("nothing to pack")
    return cbor.head(cbor.ARRAY, count) + pack


def digits(value):
    """Return the fewest decimal digits that give the single-precision float `value` back: 23.7, not 23.70000076."""
    single = struct.pack(">f", value)
    for form in ("%.6g", "%.7g", "%.8g"):
        text = form % value
        if struct.pack(">f", float(text)) == single:
            return text
    return "%.9g" % value


def _json(label, value):
    """Return one label and its value as JSON; a float with at most seven digits."""
    if isinstance(value, float):
        text = digits(value)
        value = text if len(text) < 8 else "%.7g" % value
    else:
        value = json.dumps(value)
    return '"%s":%s' % (label, value)


def pack_json(base_name, base_time, identity, readings):
    """Return the record as SenML in JSON, as bytes; takes and raises what pack_cbor does."""
    head = [_json("bn", base_name), _json("ri", identity)]
    if base_time is not None:
        head.append('"bt":' + repr(base_time))
    pack = []
    for reading in readings:
        fields = _fields(reading)
        words = [_json(label, fields[key]) for key, label in ((_N, "n"), (_U, "u"), (_V, "v")) if key in fields]
        words += [_json(label, fields[key]) for key, label in ((_VS, "vs"), (_VB, "vb")) if key in fields]
        time = _after(reading.time, base_time)
        if time:
            words.append('"t":' + repr(time))
        pack.append(",".join(head + words))
        head = []
    if not pack:
        raise RecordError("nothing to pack")
    return ("[{" + "},{".join(pack) + "}]").encode()


def unpack_cbor(data, mote_id):
    """Return the Record that the mote `mote_id` packed as CBOR. Raises RecordError."""
    from mote import senml

    return senml.unpack_cbor(data, mote_id)


def unpack_json(data, mote_id):
    """Return the Record that the mote `mote_id` packed as JSON. Raises RecordError."""
    from mote import senml

    return senml.unpack_json(data, mote_id)
