"""Reading SenML (RFC 8428): base fields applied, and the strict check that a pack is a record of one mote."""

import struct

from mote import cbor, const, record, strictjson, topics
from mote.record import Reading, Record, RecordError

_MOST_ITEMS = const(1024)
_MOST_READINGS = const(64)
_LONGEST_UNIT = const(16)
_LONGEST_URI = const(128)
_VERSION = const(10)  # RFC 8428, 4.4
_RELATIVE = const(1 << 28)  # times below it are relative to now (RFC 8428, 4.5.3)
_LATEST = const(1 << 40)
_LARGEST = const(1 << 53)

# RFC 8428, 6, table 4
_LABELS = {
    -1: "bver",
    -2: "bn",
    -3: "bt",
    -4: "bu",
    -5: "bv",
    -6: "bs",
    0: "n",
    1: "u",
    2: "v",
    3: "vs",
    4: "vb",
    5: "s",
    6: "t",
    7: "ut",
    8: "vd",
}
_NAMES = tuple(_LABELS[label] for label in _LABELS)
_VALUES = ("v", "vs", "vb", "vd")


def unpack_cbor(data, mote_id):
    """Return the Record that the mote `mote_id` packed as CBOR. Raises RecordError."""
    try:
        pack = _entries(cbor.decode(data, 2, _MOST_ITEMS))
    except cbor.CborError:
        raise RecordError("not CBOR")
    pack = [_named(entry) for entry in pack]
    for entry in pack:
        if isinstance(entry.get("v"), float):
            entry["v"] = shortest(entry["v"])
    return _record(pack, mote_id)


def unpack_json(data, mote_id):
    """Return the Record that the mote `mote_id` packed as JSON. Raises RecordError."""
    try:
        return _record(_entries(strictjson.loads(data)), mote_id)
    except RecordError:
        raise
    except ValueError:
        raise RecordError("not JSON")


def _entries(pack):
    """Return `pack` where it is a list of 1 to 64 maps."""
    if not isinstance(pack, list) or not 0 < len(pack) <= _MOST_READINGS:
        raise RecordError("not a pack of 1 to 64 readings")
    if not all(isinstance(entry, dict) for entry in pack):
        raise RecordError("not a pack")
    return pack


def _named(entry):
    """Return an entry that came as CBOR with the labels of JSON."""
    named = {}
    for label in entry:
        name = _LABELS.get(label, label)
        # A number that is not assigned; or a label of JSON, which would be a second value for its number.
        if not isinstance(name, str) or (name is label and name in _NAMES):
            raise RecordError("unknown label")
        named[name] = entry[label]
    return named


def shortest(value):
    """Return the float of fewest digits that has the same single as `value`; `value` where it is no single."""
    try:
        if struct.unpack(">f", struct.pack(">f", value))[0] != value or value - value != 0:
            return value
    except OverflowError:
        return value
    return float(record.digits(value))


def _record(pack, mote_id):
    """Check a pack as the record of `mote_id`; a mote uses base fields in the first entry only, and no sums."""
    first = pack[0]
    base = topics.base_name(mote_id)
    for i, entry in enumerate(pack):
        if entry.get("bn") != base if i == 0 else "bn" in entry:
            raise RecordError("another base name than this mote's")
        if any(label in entry for label in (("s", "bs", "vd") if i == 0 else ("s", "bs", "vd", "bt", "ri"))):
            raise RecordError("a label that motes do not use there")
    identity = record.parse_identity(first.get("ri"))
    readings = []
    for reading in resolve(pack):
        name = reading.name[len(base) :]
        if not record.is_name(name):
            raise RecordError("a name that is none")
        if reading.time is not None and not _RELATIVE <= reading.time < _LATEST:
            raise RecordError("no time since 1970")
        readings.append(Reading(name, reading.unit, reading.value, reading.time))
    if not readings:
        raise RecordError("no readings")
    base_time = first.get("bt")
    if base_time is not None and not _RELATIVE <= base_time < _LATEST:
        raise RecordError("no time since 1970")
    return Record(identity, base_time, readings)


def _number(value):
    """Return `value` where it is a number that a double holds. Raises RecordError."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value - value != 0:
        raise RecordError("no finite number")
    if isinstance(value, int) and not -_LARGEST <= value <= _LARGEST:
        raise RecordError("a number that is too large")
    return value


def _sum(value, base_value):
    """Return `value` on its base value; two numbers that are in bounds may have a sum that is not."""
    return _number(_number(value) + base_value) if base_value else _number(value)


def _text(value, longest):
    if not record.is_text(value, longest):
        raise RecordError("no text, too long, or with control characters")
    return value


def resolve(pack):
    """Return the Readings of a pack, its base fields applied (RFC 8428, 4.6). Raises RecordError.

    `pack` is a list of dicts with the labels of JSON. A time is None where neither the entry nor the
    base gives one; times below 2^28 are left as they are, relative to now. A value of `vd` stays in its
    form, base64url in JSON and bytes in CBOR; where there is a sum and no value, the value is None.
    """
    base = {"bn": "", "bver": _VERSION}
    readings = []
    for entry in pack:
        for label in entry:
            if not isinstance(label, str) or label.endswith("_"):
                raise RecordError("a label that must be understood")
            if label in ("bt", "bv", "bs", "bver"):
                base[label] = _number(entry[label])
            elif label == "bn":
                base[label] = _text(entry[label], _LONGEST_URI)
            elif label == "bu":
                base[label] = _text(entry[label], _LONGEST_UNIT)
        if not isinstance(base["bver"], int) or not 0 < base["bver"] <= _VERSION:
            raise RecordError("a later version of SenML")
        if any(label in entry for label in _VALUES) or "s" in entry:
            readings.append(_resolved(entry, base))
        elif any(label in entry for label in ("n", "u", "t", "ut")):
            raise RecordError("a reading without a value")
    return readings


def _resolved(entry, base):
    """Return the Reading of one entry under the base fields `base`."""
    unit = entry.get("u", base.get("bu"))
    if unit is not None:
        _text(unit, _LONGEST_UNIT)
    time = None
    if "t" in entry or "bt" in base:
        time = _sum(entry.get("t", 0), base.get("bt", 0))
    if "s" in entry:
        _sum(entry["s"], base.get("bs", 0))
    name = base["bn"] + _text(entry.get("n", ""), _LONGEST_URI)
    if not name:
        raise RecordError("a reading without a name")
    return Reading(name, unit, _value(entry, base.get("bv", 0)), time)


def _value(entry, base_value):
    """Return the one value of an entry, or None where it has a sum alone."""
    kinds = [label for label in _VALUES if label in entry]
    if len(kinds) > 1:
        raise RecordError("two values")
    if not kinds:
        return None
    value = entry[kinds[0]]
    if kinds[0] == "v":
        return _sum(value, base_value)
    if kinds[0] == "vb":
        if not isinstance(value, bool):
            raise RecordError("no boolean")
    elif kinds[0] == "vs" or not isinstance(value, bytes):
        _text(value, record.LONGEST_TEXT)
    return value
