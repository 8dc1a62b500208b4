"""Commands and answers come back as they were sent; anything else is refused."""

import json
import struct

from harness import raises
from mote import cbor, command
from mote.command import Answer, Command, CommandError

ID = bytes(range(8))
COMMANDS = (
    Command(ID, "dimmer", 40, 258, None, None),
    Command(ID, "dimmer", 37.5, 0, 1760000000, None),
    Command(ID, "relay", True, 2**40 - 1, 1760000000, None),
    Command(ID, "relay", False, None, 1760000000, None),
    Command(ID, "label", "warm \xfc", None, None, None),
    Command(ID, "relay", True, 258, 1760000000, 1),
    Command(ID, "dimmer", 37.5, None, 1760000000, 604800),
    Command(ID, "relay", command.AUTO, 258, None, None),
)
ANSWERS = (
    Answer(ID, command.DONE, "dimmer", 40, None),
    Answer(ID, command.REFUSED, "dimmer", 0.5, "a dimmer takes 0 to 100 percent"),
    Answer(ID, command.REFUSED, "nobody", None, "no such actuator"),
    Answer(ID, command.EXPIRED, "relay", False, None),
)
FORMS = (
    (command.encode_command_cbor, command.decode_command_cbor, COMMANDS),
    (command.encode_command_json, command.decode_command_json, COMMANDS),
    (command.encode_answer_cbor, command.decode_answer_cbor, ANSWERS),
    (command.encode_answer_json, command.decode_answer_json, ANSWERS),
)


def test_they_come_back():
    for encode, decode, all_of in FORMS:
        for each in all_of:
            found = decode(encode(each))
            assert found == each, (found, each)
            assert isinstance(found.value, type(each.value))


def test_bytes_are_those_of_the_protocol():
    assert (
        command.encode_command_cbor(COMMANDS[0]) == b"\xa4\x01\x48" + ID + b"\x02\x66dimmer\x03\x18\x28\x04\x19\x01\x02"
    )
    assert command.encode_answer_cbor(ANSWERS[3]) == b"\xa4\x01\x48" + ID + b"\x02\x65relay\x03\xf4\x06\x02"
    found = json.loads(command.encode_command_json(COMMANDS[3]))
    assert found == {"id": "0001020304050607", "name": "relay", "value": False, "deadline": 1760000000}
    found = json.loads(command.encode_answer_json(ANSWERS[2]))
    assert found == {"id": "0001020304050607", "result": "refused", "name": "nobody", "why": "no such actuator"}


def test_every_truncation_is_refused():
    for encode, decode, all_of in FORMS:
        for each in all_of:
            whole = encode(each)
            for size in range(len(whole)):
                raises(CommandError, decode, whole[:size])
            raises(CommandError, decode, whole + b"\0")


def test_an_answer_is_no_command_and_a_command_is_no_answer():
    for i in (0, 1):
        raises(CommandError, FORMS[i][1], FORMS[i + 2][0](ANSWERS[1]))
        raises(CommandError, FORMS[i + 2][1], FORMS[i][0](COMMANDS[1]))


WRONG = (
    ("id", (None, b"", bytes(7), bytes(9), "0001020304050607", 5)),
    ("name", (None, "", "x" * 33, "a b", "a\n", 5, b"relay", [])),
    ("value", (None, [], {}, b"x", "x" * 81, "\x1b[2J", 1e10, -1e10, 10**10, float("nan"), float("inf"))),
    ("anchor", (-1, 2**40, 1.5, "1", True, [])),
    ("deadline", (-1, 2**40, 1.5, "1", True, [])),
    ("for", (-1, 0, 604801, 2**40, 60.5, "60", True, [])),
)
NUMBERS = {"id": 1, "name": 2, "value": 3, "anchor": 4, "deadline": 5, "result": 6, "why": 7, "for": 8}


def good(**more):
    fields = {"id": ID, "name": "relay", "value": True, "anchor": 1, "deadline": 1760000000, "for": 60}
    fields.update(more)
    return fields


def as_cbor(fields):
    return cbor.encode({NUMBERS.get(name, name): fields[name] for name in fields})


def test_wrong_fields_are_refused_in_cbor():
    assert command.decode_command_cbor(as_cbor(good())).name == "relay"
    for name, values in WRONG:
        for value in values:
            raises(CommandError, command.decode_command_cbor, as_cbor(good(**{name: value})))
    for name in ("anchor", "deadline", "for"):
        raises(CommandError, command.decode_command_cbor, as_cbor(good(**{name: None})))
    for name in ("id", "name", "value"):
        fields = good()
        del fields[name]
        raises(CommandError, command.decode_command_cbor, as_cbor(fields))


def test_wrong_fields_are_refused_in_json():
    fields = good(id="0001020304050607")
    assert command.decode_command_json(json.dumps(fields).encode()).id == ID
    for name, values in WRONG:
        for value in values:
            if not isinstance(value, bytes) and value != "0001020304050607":
                raises(
                    CommandError,
                    command.decode_command_json,
                    json.dumps(good(id=fields["id"], **{name: value}) if name != "id" else good(id=value)).encode(),
                )
    for text in ("00010203040506", "000102030405060708", "000102030405060g", "0x01020304050607", ""):
        raises(CommandError, command.decode_command_json, json.dumps(good(id=text)).encode())


def test_only_a_number_or_a_bool_holds_for_a_time_so_that_no_command_is_longer_for_it():
    for name, value in (("relay", "on"), ("relay", command.AUTO), (command.CHALLENGE, bytes(16)), ("!it", 1)):
        assert command.decode_command_cbor(command.encode_command_cbor(Command(ID, name, value, 1, 2, None)))
        raises(
            CommandError, command.decode_command_cbor, command.encode_command_cbor(Command(ID, name, value, 1, 2, 60))
        )
        if not isinstance(value, bytes):
            data = command.encode_command_json(Command(ID, name, value, 1, 2, 60))
            raises(CommandError, command.decode_command_json, data)


def test_unknown_fields_are_refused():
    raises(CommandError, command.decode_command_cbor, as_cbor(good(extra=1)))
    raises(CommandError, command.decode_command_cbor, cbor.encode({9: 1}))
    raises(CommandError, command.decode_command_json, json.dumps(good(id="00" * 8, extra=1)).encode())


def test_wrong_answers_are_refused():
    good_answer = {"id": ID, "name": "relay", "value": 1, "result": 0, "why": "x"}
    assert command.decode_answer_cbor(as_cbor(good_answer)).result == "done"
    for name, values in (
        ("result", (3, -1, True, "done", 0.0, None)),
        ("why", (5, "x" * 81, "a\x07", None)),
        ("value", ([], b"x", 1e10)),
        ("name", ("", "a b")),
        ("id", (bytes(7), "x")),
    ):
        for value in values:
            changed = dict(good_answer)
            changed[name] = value
            raises(CommandError, command.decode_answer_cbor, as_cbor(changed))
    for text in ('"DONE"', '"unknown"', "0", "null", "[]"):
        data = '{"id":"0001020304050607","name":"relay","result":%s}' % text
        raises(CommandError, command.decode_answer_json, data.encode())


def test_wrong_shapes_and_sizes_are_refused():
    for decode in (command.decode_command_cbor, command.decode_answer_cbor):
        for data in (b"", b"\x80", b"\xf6", b"\x05", b"\xa0", b"\xff" * 10, b"\xa1\x01\x81\x81\x81\x00", bytes(5000)):
            raises(CommandError, decode, data)
    for decode in (command.decode_command_json, command.decode_answer_json):
        for data in (
            b"",
            b"[]",
            b"null",
            b"5",
            b"{}",
            b"\xff" * 10,
            b"[" * 400,
            b" " * 5000,
            b"[" * 5000,
            b'{"id":[]}',
        ):
            raises(CommandError, decode, data)


def test_a_long_reason_is_cut_so_that_the_answer_arrives():
    for encode, decode in (FORMS[2][:2], FORMS[3][:2]):
        found = decode(encode(Answer(ID, command.REFUSED, "relay", 0, "x" * 500)))
        assert found.why == "x" * 80


def test_a_single_in_an_answer_has_the_digits_that_were_set():
    assert command.decode_answer_cbor(b"\xa4\x01\x48" + ID + b"\x02\x61d\x03\xfa\x42\x05\x33\x33\x06\x00").value == 33.3


class SingleFloats:
    """`struct` of a board: what it reads as a double has lost the digits that a single has not."""

    pack = staticmethod(struct.pack)

    @staticmethod
    def unpack(form, data):
        found = struct.unpack(form, data)
        return tuple(cbor.single(value) for value in found) if form == ">d" else found


def test_fraction_is_taken_by_a_board_of_single_precision():
    for value in (40.5, 33.3, 0.1, 99.9, -1e-7, 1e9):
        data = command.encode_command_cbor(Command(ID, "dimmer", value, 5, 1760000000, None))
        kept, cbor.struct = cbor.struct, SingleFloats
        try:
            # `single` unpacks singles, which are not changed.
            assert command.decode_command_cbor(data).value == cbor.single(value)
        finally:
            cbor.struct = kept


def test_double_that_no_single_equals_has_its_one_form_on_every_board():
    for value in (33.3, 0.1, 1 / 3):
        data = b"\xfb" + struct.pack(">d", value)
        kept, cbor.struct = cbor.struct, SingleFloats
        try:
            assert cbor.decode(data) == cbor.single(value)
        finally:
            cbor.struct = kept


def test_text_of_more_than_128_bytes_is_refused_however_few_its_characters():
    for letter, most in (("n", 80), ("\xfc", 64), ("\u20ac", 42), ("\U0001f4a1", 32)):
        fine = command.encode_command_cbor(Command(ID, "label", letter * most, 5, None, None))
        assert command.decode_command_cbor(fine).value == letter * most
        long = command.encode_command_cbor(Command(ID, "label", letter * (most + 1), 5, None, None))
        raises(CommandError, command.decode_command_cbor, long)
