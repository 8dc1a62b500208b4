"""Records: packs of Readings in SenML (RFC 8428), JSON inside TLS and CBOR when sealed.

The first entry carries the base name `<id>/`, the time taken, and the record's identity under the
label `ri`, an extension that other readers of SenML pass over (RFC 8428, 4.4).
"""

import json
import struct
from collections import namedtuple

from mote import cbor, const, topics

# value: float, int, bool, str or None; time: seconds since 1970, or None
Reading = namedtuple("Reading", "name unit value time")
# identity: (generation, boot counter, number)
Record = namedtuple("Record", "identity base_time readings")

# SenML units by what a sensor measures (RFC 8428, 12.1)
UNITS = {"temperature": "Cel", "humidity": "%RH", "pressure": "Pa", "illuminance": "lx"}

_MOST_READINGS = const(64)
_LONGEST_NAME = const(32)
_LONGEST_TEXT = const(64)
_RELATIVE = const(268435456)  # times below 2^28 are relative to now (RFC 8428, 4.5.3)
_LATEST = const(0xFFFFFFFFFF)

# RFC 8428, 6, table 4
_LABELS = {"bver": -1, "bn": -2, "bt": -3, "bu": -4, "bv": -5, "bs": -6}
_LABELS.update({"n": 0, "u": 1, "v": 2, "vs": 3, "vb": 4, "s": 5, "t": 6, "ut": 7, "vd": 8})
_BY_NUMBER = {_LABELS[label]: label for label in _LABELS}


class RecordError(ValueError):
    """Not a record of this mote."""


def identity(generation, counter, number):
    """Return a record's identity as text: `<generation>.<boot counter>.<number>`."""
    return "%d.%d.%d" % (generation, counter, number)


def parse_identity(text):
    """Return (generation, boot counter, number). Raises RecordError."""
    parts = text.split(".") if isinstance(text, str) and len(text) <= 25 else ()
    if len(parts) != 3 or any(not part or any(c not in "0123456789" for c in part) for part in parts):
        raise RecordError("no identity")
    generation, counter, number = (int(part) for part in parts)
    if (
        generation > 0xFF
        or counter > 0xFFFFFFFF
        or number > 0xFFFFFFFF
        or identity(generation, counter, number) != text
    ):
        raise RecordError("no identity")
    return generation, counter, number


def _pack(base_name, base_time, identity, readings):
    """Return the pack as a list of dicts with the labels of SenML in JSON."""
    pack = []
    for reading in readings:
        entry = {"n": reading.name}
        if reading.unit:
            entry["u"] = reading.unit
        value = reading.value
        if isinstance(value, bool):
            entry["vb"] = value
        elif isinstance(value, str):
            entry["vs"] = value
        elif value is not None:
            if value != value or value in (float("inf"), float("-inf")):
                raise RecordError("no number")
            entry["v"] = value
        if reading.time is not None and reading.time != base_time:
            entry["t"] = reading.time - (base_time or 0)
        pack.append(entry)
    if not pack:
        pack.append({})
    pack[0]["bn"] = base_name
    pack[0]["ri"] = identity
    if base_time is not None:
        pack[0]["bt"] = base_time
    return pack


def pack_cbor(base_name, base_time, identity, readings):
    """Return the record as SenML in CBOR; numbers in single precision, which is what boards have."""
    pack = []
    for entry in _pack(base_name, base_time, identity, readings):
        value = entry.get("v")
        if isinstance(value, float):
            entry["v"] = struct.unpack(">f", struct.pack(">f", value))[0]
        pack.append({_LABELS.get(label, label): entry[label] for label in entry})
    return cbor.encode(pack)


def pack_json(base_name, base_time, identity, readings):
    """Return the record as SenML in JSON, as bytes; numbers with at most seven digits."""
    pack = _pack(base_name, base_time, identity, readings)
    for entry in pack:
        value = entry.get("v")
        if isinstance(value, float):
            # repr of a single on a board, and of a double elsewhere, has digits that nobody measured.
            entry["v"] = float("%.7g" % value)
    return json.dumps(pack).encode()


def unpack_cbor(data, mote_id):
    """Return the Record that the mote `mote_id` packed as CBOR. Raises RecordError."""
    try:
        pack = cbor.decode(data, 2, 512)
    except cbor.CborError:
        raise RecordError("not CBOR")
    if not isinstance(pack, list):
        raise RecordError("not a pack")
    named = []
    for entry in pack:
        if not isinstance(entry, dict):
            raise RecordError("not a pack")
        renamed = {}
        for label in entry:
            name = _BY_NUMBER.get(label, label)
            # A label of JSON beside its number would be a second value for it.
            if not isinstance(name, str) or (name is label and name in _LABELS):
                raise RecordError("unknown label")
            renamed[name] = entry[label]
        if isinstance(renamed.get("v"), float):
            renamed["v"] = _shortest(renamed["v"])
        named.append(renamed)
    return _record(named, mote_id)


def unpack_json(data, mote_id):
    """Return the Record that the mote `mote_id` packed as JSON. Raises RecordError."""
    try:
        pack = json.loads(bytes(data).decode())
    except (ValueError, RuntimeError):  # MicroPython's UnicodeError is a ValueError; deep nesting is a RuntimeError
        raise RecordError("not JSON")
    if not isinstance(pack, list) or not all(isinstance(entry, dict) for entry in pack):
        raise RecordError("not a pack")
    return _record(pack, mote_id)


def _shortest(value):
    """Return the double of fewest digits that has the same single as `value`: 23.7, not 23.700000762939453."""
    try:
        single = struct.pack(">f", value)
    except OverflowError:
        return value
    if struct.unpack(">f", single)[0] != value:
        return value
    for digits in range(1, 10):
        short = float("%.*g" % (digits, value))
        if struct.pack(">f", short) == single:
            return short
    return value


def _record(pack, mote_id):
    """Check a pack as the record of `mote_id`."""
    if not pack:
        raise RecordError("empty")
    first = pack[0]
    base = topics.base_name(mote_id)
    if first.get("bn") != base or any("bn" in entry for entry in pack[1:]):
        raise RecordError("another base name than this mote's")
    name = parse_identity(first.get("ri"))
    base_time = first.get("bt")
    if base_time is not None:
        _number(base_time)
        if not _RELATIVE <= base_time <= _LATEST:
            raise RecordError("no time")
    readings = []
    for reading in resolve(pack):
        short = reading.name[len(base) :]
        if not _plain(short):
            raise RecordError("a name that is none")
        readings.append(Reading(short, reading.unit, reading.value, reading.time or None))
    return Record(name, base_time, readings)


def _plain(name):
    """True where `name` is [A-Za-z0-9][A-Za-z0-9_.:-]{0,31}."""
    for i, c in enumerate(name):
        if not ("a" <= c <= "z" or "A" <= c <= "Z" or "0" <= c <= "9" or (i and c in "_.:-")):
            return False
    return 0 < len(name) <= _LONGEST_NAME


def _number(value):
    """Return `value` where it is a finite number; raise RecordError."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise RecordError("no number")
    if value != value or value in (float("inf"), float("-inf")) or not -1e38 < value < 1e38:
        raise RecordError("no number")
    return value


def _text(value):
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        raise RecordError("no text, or too long")
    return value


def resolve(pack):
    """Return the Readings of a pack, its base fields applied (RFC 8428, 4.6). Raises RecordError.

    `pack` is a list of dicts with the labels of JSON. Times are left relative where they are.
    """
    if len(pack) > _MOST_READINGS:
        raise RecordError("too many readings")
    base_name = ""
    base_unit = None
    base_time = base_value = base_sum = 0
    readings = []
    for entry in pack:
        for label in entry:
            if label.endswith("_"):
                raise RecordError("a label that must be understood")
        base_name = _text(entry.get("bn", base_name))
        base_unit = entry.get("bu", base_unit)
        base_time = _number(entry.get("bt", base_time))
        base_value = _number(entry.get("bv", base_value))
        base_sum = _number(entry.get("bs", base_sum))
        kinds = [label for label in ("v", "vs", "vb", "vd") if label in entry]
        if len(kinds) > 1:
            raise RecordError("two values")
        if not kinds and "s" not in entry:
            if "n" in entry:
                raise RecordError("a name without a value")
            continue  # base fields alone (RFC 8428, 4.5)
        unit = entry.get("u", base_unit)
        if unit is not None:
            _text(unit)
        if not kinds:
            value = _number(entry["s"]) + base_sum
        else:
            value = entry[kinds[0]]
            if kinds[0] == "v":
                value = _number(value) + base_value if base_value else _number(value)
            elif kinds[0] == "vb":
                if not isinstance(value, bool):
                    raise RecordError("no boolean")
            else:
                _text(value)
        time = _number(entry.get("t", 0)) + base_time
        readings.append(Reading(base_name + _text(entry.get("n", "")), unit, value, time))
    return readings
