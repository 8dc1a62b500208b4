"""What is inside the messages of the second implementation: CBOR, records and commands (sections 2 and 3).

As in `second_implementation`, nothing of the project is imported.
"""

import re
import struct

import cbor2

ID, NAME, VALUE, ANCHOR, DEADLINE, RESULT, WHY, FOR = 1, 2, 3, 4, 5, 6, 7, 8
BN, BT, N, U, V, VS, VB, T = -2, -3, 0, 1, 2, 3, 4, 6
A_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,31}")


class Refused(Exception):
    """Whatever does not hold: one error, as section 7 has it."""


def encode(value):
    """Deterministic CBOR (RFC 8949 section 4.2.1)."""
    return cbor2.dumps(value, canonical=True)


def decode(data):
    """The value in `data`, refused unless `data` is the one deterministic encoding of it."""
    try:
        value = cbor2.loads(data)
        again = encode(value)
    except Exception:
        raise Refused("no CBOR") from None
    if again != data:
        raise Refused("CBOR is not deterministic")
    return value


def single(number):
    return struct.unpack(">f", struct.pack(">f", number))[0]


def record(mote, identity, readings, taken=None):
    """Section 2, sealed: a SenML pack in CBOR. `readings` are (name, unit or None, value)."""
    pack = []
    for name, unit, value in readings:
        entry = {N: name}
        if unit:
            entry[U] = unit
        if isinstance(value, bool):
            entry[VB] = value
        elif isinstance(value, str):
            entry[VS] = value
        else:
            entry[V] = single(value)
        pack.append(entry)
    pack[0] |= {BN: mote + "/", "ri": identity}
    if taken is not None:
        pack[0][BT] = taken
    return encode(pack)


def read_record(data, mote):
    """(identity as three numbers, [(name, unit, value, time)]) of a record in CBOR."""
    pack = decode(data)
    if not isinstance(pack, list) or not 1 <= len(pack) <= 64 or not all(isinstance(entry, dict) for entry in pack):
        raise Refused("pack")
    if pack[0].get(BN) != mote + "/" or not re.fullmatch(r"\d+\.\d+\.\d+", str(pack[0].get("ri"))):
        raise Refused("first entry")
    readings = []
    for entry in pack:
        kinds = [label for label in (V, VB, VS) if label in entry]
        if len(kinds) != 1 or not A_NAME.fullmatch(str(entry.get(N))):
            raise Refused("entry")
        when = entry.get(T, 0) + pack[0][BT] if BT in pack[0] else None
        readings.append((entry[N], entry.get(U), entry[kinds[0]], when))
    return tuple(int(part) for part in pack[0]["ri"].split(".")), readings


def read_command(data):
    """The map of a command, refused where section 3 does not allow it."""
    if len(data) > 512:
        raise Refused("size")
    command = decode(data)
    allowed = {ID, NAME, VALUE, ANCHOR, DEADLINE, FOR}
    if not isinstance(command, dict) or not {ID, NAME, VALUE} <= set(command) <= allowed:
        raise Refused("fields")
    if any(type(key) is not int for key in command):
        raise Refused("fields")
    identity, name, value = command[ID], command[NAME], command[VALUE]
    if type(identity) is not bytes or len(identity) != 8:
        raise Refused("id")
    if type(name) is not str or not A_NAME.fullmatch(name.removeprefix("!")):
        raise Refused("name")
    for field in (ANCHOR, DEADLINE):
        number = command.get(field, 0)
        if type(number) is not int or not 0 <= number < 1 << 40:
            raise Refused("count")
    if type(value) is bytes:
        fits = name.startswith("!") and len(value) <= 128
    elif type(value) is str:
        controls = re.search("[\\x00-\\x1f\\x7f-\\x9f]", value)
        fits = len(value) <= 80 and len(value.encode()) <= 128 and not controls
    elif type(value) is float:
        fits = abs(value) <= 10**9
    else:
        fits = type(value) in (bool, int) and abs(value) <= 10**9
    if not fits:
        raise Refused("value")
    if FOR in command:
        seconds = command[FOR]
        if type(seconds) is not int or not 1 <= seconds <= 604800:
            raise Refused("for")
        if type(value) not in (bool, int, float) or name.startswith("!"):
            raise Refused("for")
    return command
