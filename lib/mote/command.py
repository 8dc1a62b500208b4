"""Commands to a mote and its answers, in CBOR when sealed and in JSON inside TLS."""

import json
from binascii import hexlify, unhexlify
from collections import namedtuple

from mote import cbor, const, record, strictjson

# id: 8 bytes; name: which actuator; value: number, bool or str of at most 80 characters and 128 bytes, or bytes where
# the name is reserved; anchor: sequence number of an uplink, or None inside TLS; deadline: seconds since 1970, or None;
# for_s: for how many seconds it holds, or None
Command = namedtuple("Command", "id name value anchor deadline for_s")
# value: the state that is; why: one line where it was not done, or None
Answer = namedtuple("Answer", "id result name value why")

DONE = "done"
REFUSED = "refused"
EXPIRED = "expired"
RESERVED = "!"  # a name that begins so is for the mote itself, not for an actuator
CHALLENGE = "!challenge"  # value: random bytes; the answer holds the same
ROTATE = "!rotate"  # value: an update (mote.roots)
AUTO = "auto"  # a value: the actuator is its rule's again, or goes to its safe state where it has none
_RESULTS = (DONE, REFUSED, EXPIRED)

_ID_SIZE = const(8)
_LONGEST_TEXT = const(80)
_LONGEST_BYTES = const(128)
_LARGEST = const(0xFFFFFFFFFF)
_LARGEST_VALUE = const(1000000000)
_LONGEST = const(512)
_LONGEST_FOR_S = const(604800)

# CBOR keys
_ID = const(1)
_NAME = const(2)
_VALUE = const(3)
_ANCHOR = const(4)
_DEADLINE = const(5)
_RESULT = const(6)
_WHY = const(7)
_FOR = const(8)
_KEYS = {"id": _ID, "name": _NAME, "value": _VALUE, "anchor": _ANCHOR, "deadline": _DEADLINE, "for": _FOR}
_KEYS.update({"result": _RESULT, "why": _WHY})
_COMMAND = ("id", "name", "value", "anchor", "deadline", "for")
_ANSWER = ("id", "name", "value", "result", "why")


class CommandError(ValueError):
    """Not a command, or not an answer."""


def encode_command_cbor(command):
    """Return a Command as CBOR, a float in single precision: boards have no other. Raises CommandError."""
    fields = _numbered(_command_map(command))
    if isinstance(command.value, float):
        try:
            fields[_VALUE] = cbor.single(command.value)
        except OverflowError:
            raise CommandError("too large")
    return cbor.encode(fields)


def encode_command_json(command):
    """Return a Command as JSON, in bytes."""
    return _to_json(_command_map(command))


def decode_command_cbor(data):
    """Return the Command in `data`. Raises CommandError."""
    return _command(_from_cbor(data, _COMMAND))


def decode_command_json(data):
    """Return the Command in `data`. Raises CommandError."""
    return _command(_from_json(data, _COMMAND))


def encode_answer_cbor(answer):
    """Return an Answer as CBOR."""
    fields = _numbered(_answer_map(answer))
    fields[_RESULT] = _RESULTS.index(answer.result)
    return cbor.encode(fields)


def encode_answer_json(answer):
    """Return an Answer as JSON, in bytes."""
    return _to_json(_answer_map(answer))


def decode_answer_cbor(data):
    """Return the Answer in `data`. Raises CommandError."""
    fields = _from_cbor(data, _ANSWER)
    result = fields.get("result")
    if isinstance(result, bool) or not isinstance(result, int) or not 0 <= result < len(_RESULTS):
        raise CommandError("no result")
    fields["result"] = _RESULTS[result]
    if isinstance(fields.get("value"), float):
        from mote.senml import shortest  # gateways decode answers; motes never load it

        fields["value"] = shortest(fields["value"])
    return _answer(fields)


def decode_answer_json(data):
    """Return the Answer in `data`. Raises CommandError."""
    return _answer(_from_json(data, _ANSWER))


def _command_map(command):
    fields = _without_none(_COMMAND[:-1], command)
    if command.for_s is not None:
        fields["for"] = command.for_s
    return fields


def _answer_map(answer):
    fields = _without_none(_ANSWER, answer)
    if "why" in fields:
        fields["why"] = fields["why"][:_LONGEST_TEXT]
    return fields


def _without_none(names, values):
    """Return a map from the names to those of a namedtuple's values that are there."""
    return {name: getattr(values, name) for name in names if getattr(values, name) is not None}


def _numbered(fields):
    return {_KEYS[key]: fields[key] for key in fields}


def _to_json(fields):
    fields["id"] = hexlify(fields["id"]).decode()
    return json.dumps(fields).encode()


def _from_cbor(data, names):
    """Return the map in `data` by the names of JSON, of which only `names` are taken."""
    if len(data) > _LONGEST:
        raise CommandError("too long")
    try:
        found = cbor.decode(data, 1, 32)
    except cbor.CborError:
        raise CommandError("not CBOR")
    if not isinstance(found, dict):
        raise CommandError("not a map")
    fields = {}
    for name in names:
        if _KEYS[name] in found:
            fields[name] = found.pop(_KEYS[name])
            if fields[name] is None:
                raise CommandError("an empty field")  # what is not there is left out
    if found:
        raise CommandError("a field that is not known")
    return fields


def _from_json(data, names):
    if len(data) > _LONGEST:
        raise CommandError("too long")
    try:
        fields = strictjson.loads(data)
    except ValueError:
        raise CommandError("not JSON")
    if not isinstance(fields, dict) or any(name not in names for name in fields):
        raise CommandError("not a map, or a field that is not known")
    try:
        fields["id"] = unhexlify(fields["id"])
    except (KeyError, ValueError, TypeError):
        raise CommandError("no id")
    return fields


def _command(fields):
    _check_common(fields)
    return Command(
        fields["id"],
        fields["name"],
        _value(fields, True),
        _count(fields, "anchor"),
        _count(fields, "deadline"),
        _for_s(fields),
    )


def _answer(fields):
    _check_common(fields)
    if fields.get("result") not in _RESULTS:
        raise CommandError("no result")
    why = fields.get("why")
    if why is not None and not record.is_text(why, _LONGEST_TEXT):
        raise CommandError("no reason, or too long")
    return Answer(fields["id"], fields["result"], fields["name"], _value(fields, False), why)


def _check_common(fields):
    if not isinstance(fields.get("id"), bytes) or len(fields["id"]) != _ID_SIZE:
        raise CommandError("no id")
    name = fields.get("name")
    if isinstance(name, str) and name.startswith(RESERVED):
        name = name[len(RESERVED) :]
    if not record.is_name(name):
        raise CommandError("no name")


def _value(fields, required):
    value = fields.get("value")
    if value is None:
        if required:
            raise CommandError("no value")
        return None
    if isinstance(value, bytes) and fields["name"].startswith(RESERVED) and len(value) <= _LONGEST_BYTES:
        return value
    if isinstance(value, str):
        if not _is_text(value):
            raise CommandError("a text that is too long, or has control characters")
    elif not isinstance(value, (bool, int, float)) or not -_LARGEST_VALUE <= value <= _LARGEST_VALUE:
        raise CommandError("no value, or too large")  # a NaN is in no range
    return value


def _is_text(value):
    try:
        return record.is_text(value, _LONGEST_TEXT) and len(value.encode()) <= _LONGEST_BYTES
    except UnicodeError:  # CPython, of half a surrogate pair
        return False


def _count(fields, name):
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LARGEST:
        raise CommandError("no " + name)
    return value


def _for_s(fields):
    """Return for how long a number or a bool holds. Nothing else does: no command is longer for it (mote.protect)."""
    for_s = _count(fields, "for")
    if for_s is None:
        return None
    if not 1 <= for_s <= _LONGEST_FOR_S or not isinstance(fields["value"], (bool, int, float)):
        raise CommandError("no time for which it holds, or no value that does")
    if fields["name"].startswith(RESERVED):
        raise CommandError("nothing that holds for a time")
    return for_s
