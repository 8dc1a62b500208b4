"""The batch: what waits in RTC memory comes out as it was taken, or not at all."""

from mote import batch, parcel, rtc
from mote.record import Reading
from test_rtc import CHIP

KEY = CHIP + b"fleet" + b"cellar"
NOW = 1800000000
READINGS = [Reading("air", "Cel", 21.5, None), Reading("damp", "%RH", 40.5, None)]


def taken(number, ms, boot=7, now=None):
    return parcel.pack((1, boot, number), now, ms, READINGS)


def test_records_come_out_with_identity_readings_and_time():
    parcels = [taken(8, -120000), taken(9, -60000), taken(12, 5)]
    block = batch.pack(parcels, NOW, 1000, KEY)
    found = batch.unpack(block, -30000, KEY)  # packed 30 s before the start that takes it out
    assert [parcel.identity(each) for each in found] == [(1, 7, 8), (1, 7, 9), (1, 7, 12)]
    assert [list(parcel.readings(each)) for each in found] == [READINGS] * 3
    # The first had waited for 121 s when it was packed, and the clock that is right by now says when that was.
    assert [parcel.taken(each, NOW + 50, 10000) for each in found] == [NOW + 10 - 121, NOW + 10 - 61, NOW + 10]


def test_time_is_what_it_was_packed_with_where_nobody_knows_how_long_ago_that_was():
    block = batch.pack([taken(8, 0), taken(9, 60000)], NOW, 61000, KEY)
    assert [parcel.taken(each, NOW + 999, 10) for each in batch.unpack(block, None, KEY)] == [NOW - 61, NOW - 1]
    block = batch.pack([taken(8, 0)], None, 61000, KEY)
    assert parcel.taken(batch.unpack(block, None, KEY)[0], NOW, 10) is None


def test_what_was_packed_over_and_over_keeps_its_time():
    parcels = [taken(1, 0)]
    for _ in range(100):
        parcels = batch.unpack(batch.pack(parcels, None, 700, KEY), -60000, KEY)
    assert parcel.taken(parcels[0], NOW, 700) == NOW - 100 * 60 - 70


def test_no_records_take_no_room():
    assert batch.pack([], NOW, 0, KEY) == b""
    assert batch.unpack(b"", 0, KEY) == []


def test_records_of_two_boots_or_of_no_known_time_do_not_go_into_one():
    assert batch.pack([taken(1, 0, 7), taken(1, 0, 8)], NOW, 0, KEY) is None
    assert batch.pack([parcel.of_earlier_start(taken(1, 0))], NOW, 0, KEY) is None
    assert batch.pack([taken(1, 0), taken(70000, 0)], NOW, 0, KEY) is None
    assert batch.pack([taken(2, 0), taken(1, 0)], NOW, 0, KEY) is None
    assert batch.pack([taken(1, 0)], NOW, 2**32, KEY) is None
    assert batch.pack([taken(1, 0)], NOW, -1, KEY) is None


def test_flipped_bit_anywhere_or_another_owner_is_not_believed():
    good = batch.pack([taken(1, 0), taken(2, 0)], NOW, 0, KEY)
    assert len(batch.unpack(good, 0, KEY)) == 2
    assert batch.unpack(good, 0, CHIP + b"fleet" + b"attic") == []
    for i in range(len(good) * 8):
        bad = bytearray(good)
        bad[i // 8] ^= 1 << i % 8
        assert batch.unpack(bytes(bad), 0, KEY) == [], i


def test_lengths_that_do_not_fit_are_not_believed():
    whole = rtc.unframe(rtc.BATCH, batch.pack([taken(1, 0), taken(2, 0)], NOW, 0, KEY), KEY)
    last = len(whole) - len(parcel.body(taken(2, 0)))
    cuts = [whole[:size] for size in range(len(whole)) if size not in (13, last - 8)]
    cuts += [whole + b"\0", whole[: last - 2] + b"\0\0" + whole[last:], whole[: last - 2] + b"\xff\xff" + whole[last:]]
    for body in cuts:
        assert batch.unpack(rtc.frame(rtc.BATCH, body, KEY), 0, KEY) == [], len(body)
