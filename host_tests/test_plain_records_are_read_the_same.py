"""The gateway's short way to a plain record gives what the strict reader gives, or leaves the record to it."""

import struct

import pytest
from ironmote.gateway.plain_record import PlainRecords
from mote import cbor, record
from mote.record import Reading

hypothesis = pytest.importorskip("hypothesis")
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

SOME = settings(derandomize=True, deadline=None, max_examples=80)

MOTE = "cellar"
NAMES = st.sampled_from(["air", "Light", "2", "a.b:c/d-e_f", "n" * 23, "n" * 24, "n" * 32])
UNITS = st.none() | st.sampled_from(["Cel", "%RH", "", "µg", "x" * 16, "x" * 17])
SINGLES = st.floats(width=32, allow_nan=False, allow_infinity=False) | st.floats(width=16, allow_nan=False)
INTEGERS = st.integers(-(2**40), 2**40) | st.integers(-300, 300) | st.sampled_from([2**32 - 1, 2**32, -(2**32)])
VALUES = st.booleans() | SINGLES | INTEGERS | st.text("ab ä", max_size=8)
TIMES = st.none() | st.integers(2**28, 2**32 + 9)
READINGS = st.lists(st.builds(Reading, NAMES, UNITS, VALUES, TIMES), min_size=1, max_size=6)
IDENTITIES = st.sampled_from(["1.7.9", "0.0.0", "255.4294967295.1", "256.1.1", "01.1.1", "1.1", "1.999999999.1"])
PLAIN = (Reading("air", "Cel", 23.7, None), Reading("light", None, -585, None), Reading("door", None, True, None))


def strictly(data: bytes):
    try:
        return record.unpack_cbor(data, MOTE)
    except record.RecordError:
        return None


def alike(one, other) -> bool:
    """The same, kinds of numbers and signs of zeros with it."""
    return repr(one) == repr(other)


def check(data: bytes) -> bool:
    """True where `data` was read on the short way: then the strict reader must say the same."""
    found = PLAINLY.read(data, MOTE)
    assert found is None or alike(found, strictly(data))
    return found is not None


PLAINLY = PlainRecords()  # one for all: what it has learnt from a record must not mislead it at the next


@SOME
@given(READINGS, TIMES, IDENTITIES)
def test_records_that_motes_pack_are_the_same_on_both_ways(readings, base_time, identity):
    try:
        data = record.pack_cbor(f"{MOTE}/", base_time, identity, readings)
    except record.RecordError:
        return
    check(data)


@SOME
@given(READINGS, st.data())
def test_changed_records_are_the_same_on_both_ways(readings, data):
    try:
        made = bytearray(record.pack_cbor(f"{MOTE}/", 2**30, "1.7.9", readings))
    except record.RecordError:
        return
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(made) - 1))
        made[at] = data.draw(st.integers(0, 255) | st.just(made[at] ^ 1))
    check(bytes(made[: data.draw(st.integers(len(made) - 3, len(made)))]))


def test_record_with_any_one_other_byte_is_the_same_on_both_ways():
    made = record.pack_cbor(f"{MOTE}/", 1795218308, "1.7.9", PLAIN)
    heads = {0x00, 0x17, 0x18, 0x19, 0x1A, 0x1B, 0x38, 0x60, 0x7F, 0x80, 0xA0, 0xF4, 0xF6, 0xF9, 0xFA, 0xFB, 0xFF}
    for at in range(len(made)):
        for other in heads | {made[at] ^ 1 << bit for bit in range(8)}:
            check(b"%b%c%b" % (made[:at], other, made[at + 1 :]))


def test_record_of_a_mote_is_read_on_the_short_way():
    assert check(record.pack_cbor(f"{MOTE}/", 1795218308, "1.7.9", PLAIN))
    assert check(record.pack_cbor(f"{MOTE}/", None, "1.7.9", PLAIN))


def test_what_is_not_the_shortest_form_is_left_to_the_strict_reader():
    head = cbor.encode([{-2: f"{MOTE}/", 0: "air", 2: 0, "ri": "1.1.1"}])
    short = head.index(b"\x02\x00")
    single, no_number = b"\xfa" + struct.pack(">f", 23.5), b"\xf9\x7e\x00"
    for number in (b"\x18\x05", b"\x19\x00\x20", b"\x1a\x00\x00\xff\xff", single, no_number):
        data = head[: short + 1] + number + head[short + 2 :]
        assert strictly(data) is None
        assert not check(data)


def test_words_remembered_are_bounded(monkeypatch):
    monkeypatch.setattr("ironmote.gateway.plain_record._REMEMBERED", 3)
    plain = PlainRecords()
    for index in range(9):
        reading = Reading(f"n{index}", f"u{index}", 1, None)
        assert plain.read(record.pack_cbor(f"{MOTE}/", None, "1.1.1", [reading]), MOTE).readings == [reading]
    assert (len(plain._names), len(plain._units)) == (3, 3)
