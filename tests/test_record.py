"""Records: SenML that anyone reads, and nothing that is not a record of this mote."""

import json
import struct

from harness import raises
from mote import cbor, record, senml
from mote.record import Reading, RecordError

BASE = "kitchen/"
TIME = 1760000000
READINGS = [
    Reading("temperature", "Cel", 23.7, None),
    Reading("light", "lx", 585, None),
    Reading("door", None, True, None),
    Reading("label", None, "open \xfc", TIME - 5),
]


def both():
    """How each form is packed, unpacked, and made from plain values."""
    return (
        (record.pack_cbor, record.unpack_cbor, lambda pack: cbor.encode([numbered(entry) for entry in pack])),
        (record.pack_json, record.unpack_json, lambda pack: json.dumps(pack).encode()),
    )


def numbered(entry):
    numbers = {"bver": -1, "bn": -2, "bt": -3, "bu": -4, "bv": -5, "bs": -6, "n": 0, "u": 1, "v": 2, "vs": 3, "vb": 4}
    numbers.update({"s": 5, "t": 6, "ut": 7, "vd": 8})
    return {numbers.get(label, label): entry[label] for label in entry}


def first(**more):
    entry = {"bn": BASE, "bt": TIME, "ri": "1.7.42", "n": "temperature", "u": "Cel", "v": 21}
    entry.update(more)
    return entry


def without(label):
    entry = first()
    del entry[label]
    return entry


def test_records_come_back_in_both_forms():
    for pack, unpack, _ in both():
        found = unpack(pack(BASE, TIME, record.identity(1, 7, 42), READINGS), "kitchen")
        assert found.identity == (1, 7, 42)
        assert found.base_time == TIME
        assert found.readings == [Reading(each.name, each.unit, each.value, each.time or TIME) for each in READINGS], (
            found.readings
        )
        assert found.readings[2].value is True


def test_record_without_a_clock_has_no_times():
    for pack, unpack, _ in both():
        found = unpack(pack(BASE, None, "1.7.42", READINGS[:2]), "kitchen")
        assert found.base_time is None
        assert [each.time for each in found.readings] == [None, None]


def test_json_is_what_the_protocol_shows():
    made = record.pack_json(
        BASE, 1795218308, "1.7.42", [Reading("temperature", "Cel", 21.37, None), Reading("light", "lx", 431.7, None)]
    )
    assert made == (
        b'[{"bn":"kitchen/","ri":"1.7.42","bt":1795218308,"n":"temperature","u":"Cel","v":21.37},'
        b'{"n":"light","u":"lx","v":431.7}]'
    )


def test_cbor_has_the_numbers_of_rfc_8428_and_single_precision():
    made = record.pack_cbor(BASE, TIME, "1.7.42", READINGS[:1])
    assert made == (
        b"\x81\xa6\x00\x6btemperature\x01\x63Cel\x02\xfa\x41\xbd\x99\x9a\x21\x68kitchen/\x22\x1a\x68\xe7\x78\x00"
        b"\x62ri\x661.7.42"
    )


def test_singles_come_back_with_the_digits_that_were_measured():
    for value in (23.7, 23.718, -0.1, 1e-6, 101325.3, 99999.99, 585.2, 0.05, 3.4e38, 1.5):
        for pack, unpack, _ in both():
            found = unpack(pack(BASE, TIME, "1.7.42", [Reading("x", None, value, None)]), "kitchen")
            assert found.readings[0].value == value, value


def test_nine_digits_are_used_where_a_single_needs_them():
    for value in (16777216.0, 0.123456791):
        data = record.pack_cbor(BASE, TIME, "1.7.42", [Reading("x", None, value, None)])
        back = record.unpack_cbor(data, "kitchen").readings[0].value
        assert struct.pack(">f", back) == struct.pack(">f", value) and abs(back - value) < 1e-8 * abs(value)


def test_what_no_single_is_stays_a_double():
    assert senml.shortest(0.1) == 0.1
    if struct.unpack(">d", struct.pack(">d", 0.1))[0] != struct.unpack(">f", struct.pack(">f", 0.1))[0]:
        single = struct.unpack(">f", struct.pack(">f", 0.1))[0]
        assert senml.shortest(single) == 0.1 != single
        assert senml.shortest(1e300) == 1e300
        assert senml.shortest(1.23456789012) == 1.23456789012


def test_json_has_at_most_seven_digits():
    made = record.pack_json(BASE, None, "1.7.42", [Reading("x", None, 1.23456789, None)])
    assert b'"v":1.234568}' in made


def test_what_is_no_number_is_not_packed():
    for pack, _, _ in both():
        for value in (float("nan"), float("inf"), float("-inf"), 1e39, -1e39, 2**53 + 1, None, [], "x" * 65, "a\n"):
            raises(RecordError, pack, BASE, TIME, "1.7.42", [Reading("x", None, value, None)])
        raises(RecordError, pack, BASE, TIME, "1.7.42", [])
        raises(RecordError, pack, BASE, TIME, "1.7.42", [Reading("x", None, 1, float("nan"))])


def test_every_truncation_is_refused():
    for pack, unpack, _ in both():
        whole = pack(BASE, TIME, "1.7.42", READINGS)
        for size in range(len(whole)):
            raises(RecordError, unpack, whole[:size], "kitchen")
        raises(RecordError, unpack, whole + b"\0", "kitchen")


def test_another_motes_record_is_refused():
    for pack, unpack, _ in both():
        raises(RecordError, unpack, pack(BASE, TIME, "1.7.42", READINGS), "cellar")
        raises(RecordError, unpack, pack("kitchen", TIME, "1.7.42", READINGS), "kitchen")


def test_half_of_a_surrogate_pair_is_refused():
    whole = record.pack_json(BASE, TIME, "1.7.42", [Reading("x", "lx", "on", None)])
    raises(RecordError, senml.unpack_json, whole.replace(b'"on"', b'"\\ud800"'), "kitchen")
    raises(RecordError, senml.unpack_json, whole.replace(b'"lx"', b'"\\udfff"'), "kitchen")


def test_wrong_packs_are_refused():
    for why, pack in (
        ("empty", []),
        ("a map", first()),
        ("a number", 5),
        ("nothing", None),
        ("a list of lists", [[first()]]),
        ("a text for a reading", [first(), "x"]),
        ("no base name", [without("bn")]),
        ("no identity", [without("ri")]),
        ("identity as a number", [first(ri=5)]),
        ("a second base name", [first(), {"bn": "cellar/", "n": "x", "v": 1}]),
        ("the same base name again", [first(), {"bn": BASE, "n": "x", "v": 1}]),
        ("a second base time", [first(), {"bt": TIME, "n": "x", "v": 1}]),
        ("a second identity", [first(), {"ri": "1.7.43", "n": "x", "v": 1}]),
        ("base fields alone", [{"bn": BASE, "bt": TIME, "ri": "1.7.42"}]),
        ("a name without a value", [without("v")]),
        ("two values", [first(vs="x")]),
        ("null for a value", [first(v=None)]),
        ("a text for a number", [first(v="21")]),
        ("a boolean for a number", [first(v=True)]),
        ("a number for a boolean", [without("v"), {"n": "x", "vb": 1}]),
        ("a number for a text", [first(), {"n": "x", "vs": 1}]),
        ("a long text", [first(), {"n": "x", "vs": "x" * 65}]),
        ("control characters", [first(), {"n": "x", "vs": "\x1b[2J"}]),
        ("a sum beyond a double", [first(bv=1.7e308, v=1.7e308)]),
        ("a sum beyond what is counted exactly", [first(bv=1 << 53, v=1)]),
        ("data", [first(), {"n": "x", "vd": "aGkgCg"}]),
        ("a sum", [first(s=1)]),
        ("no name", [without("n")]),
        ("an empty name", [first(n="")]),
        ("a long name", [first(n="x" * 33)]),
        ("a name that begins with a dot", [first(n=".x")]),
        ("a name with a space", [first(n="a b")]),
        ("a name beyond ASCII", [first(n="\xfc")]),
        ("a number for a name", [first(n=5)]),
        ("a number for a unit", [first(u=5)]),
        ("a long unit", [first(u="x" * 17)]),
        ("a base time before 1978", [first(bt=1000)]),
        ("a base time that is too large", [first(bt=2**41)]),
        ("a base time as text", [first(bt="now")]),
        ("a time relative to now", [without("bt"), {"n": "x", "v": 1, "t": -5}]),
        ("a time beyond all", [first(t=2**41)]),
        ("a boolean for a time", [first(t=True)]),
        ("an integer that no double counts", [first(v=2**53 + 1)]),
        ("a label that must be understood", [first(x_=1)]),
        ("a later version", [first(bver=11)]),
        ("a version that is no number", [first(bver="10")]),
        ("65 readings", [first()] + [{"n": "x%d" % i, "v": 1} for i in range(64)]),
    ):
        for _, unpack, make in both():
            try:
                unpack(
                    make(pack)
                    if isinstance(pack, list) and all(isinstance(e, dict) for e in pack)
                    else plain(make, pack),
                    "kitchen",
                )
            except RecordError:
                continue
            raise AssertionError(why)


def plain(make, value):
    """Encode what is no list of maps, in the form that `make` makes."""
    return json.dumps(value).encode() if make([])[:1] == b"[" else cbor.encode(value)


def test_64_readings_and_unknown_labels_are_taken():
    pack = [first(xyz=1, bver=10)] + [{"n": "x%d" % i, "v": i} for i in range(63)]
    for _, unpack, make in both():
        assert len(unpack(make(pack), "kitchen").readings) == 64


def test_labels_of_json_in_cbor_are_refused():
    entry = numbered(first())
    entry["v"] = 5
    raises(RecordError, record.unpack_cbor, cbor.encode([entry]), "kitchen")
    entry = numbered(first())
    entry[9] = 5
    raises(RecordError, record.unpack_cbor, cbor.encode([entry]), "kitchen")


def test_infinite_and_nan_are_refused_in_both_forms():
    for value in (float("nan"), float("inf"), float("-inf")):
        raises(RecordError, record.unpack_cbor, cbor.encode([numbered(first(v=value))]), "kitchen")
        raises(RecordError, record.unpack_cbor, cbor.encode([numbered(first(t=value))]), "kitchen")
    text = json.dumps([first()])
    for number in ("NaN", "Infinity", "-Infinity", "1e999", "-1e999"):
        changed = text.replace("21", number)
        assert changed != text
        raises(RecordError, record.unpack_json, changed.encode(), "kitchen")


def test_deeply_nested_json_is_refused():
    for data in (b"[" * 4000, b'[{"bn":' * 500, b"[" * 2000 + b"]" * 2000):
        raises(RecordError, record.unpack_json, data, "kitchen")


def test_identity_is_exact():
    assert record.parse_identity(record.identity(255, 2**32 - 1, 2**32 - 1)) == (255, 2**32 - 1, 2**32 - 1)
    assert record.parse_identity("0.0.0") == (0, 0, 0)
    for text in (
        "", "1", "1.2", "1.2.3.4", "1..3", "01.2.3", "1.02.3", "1.2.-3", "1.2.+3", " 1.2.3", "1.2.3 ", "1.2.3\n",
        "256.1.1", "1.4294967296.1", "1.1.4294967296", "a.b.c", "1.2.\u0663", "1_0.2.3", None, 5, b"1.2.3", "1." * 20,
    ):  # fmt: skip
        raises(RecordError, record.parse_identity, text)


def test_names_are_those_of_senml():
    for name in ("a", "0", "temperature", "a.b_c:d/e-f", "x" * 32):
        assert record.is_name(name)
    for name in ("", "x" * 33, "-a", "_a", "/a", ".a", ":a", "a b", "a\0", "\xfc", "a+", "a#", None, 5, b"a"):
        assert not record.is_name(name)


def test_base_fields_are_resolved():
    # RFC 8428, 5.1.2: the example with a base time, and a base value as in 4.6
    found = senml.resolve(
        [
            {"bn": "urn:dev:ow:10e2073a0108006:", "bt": 1276020076.5, "bu": "A", "bver": 5, "n": "voltage", "u": "V",
             "v": 120.1},
            {"n": "current", "t": -5, "v": 1.25},
            {"n": "current", "t": -4, "bv": 10, "v": 1.5},
            {"n": "on", "vb": True},
        ]
    )  # fmt: skip
    name = "urn:dev:ow:10e2073a0108006:"
    assert found == [
        Reading(name + "voltage", "V", 120.1, 1276020076.5),
        Reading(name + "current", "A", 1.25, 1276020071.5),
        Reading(name + "current", "A", 11.5, 1276020072.5),
        Reading(name + "on", "A", True, 1276020076.5),
    ]


def test_a_reading_without_any_name_is_refused():
    raises(RecordError, senml.resolve, [{"v": 1}])


def test_texts_with_control_characters_are_no_texts():
    for code in (0, 9, 31, 127, 128, 0x85, 159):
        assert not record.is_text("warm" + chr(code), 20)
    for code in (32, 126, 160, 0xA9, 0xC2, 0xE9, 0x2080, 0x1F600):
        assert record.is_text("warm" + chr(code), 20)
    assert not record.is_text("warm", 3)
    assert record.is_text("\xe9" * 4, 4)
