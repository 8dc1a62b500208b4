"""A record as it waits: it comes out as it was taken, and its time is known as well as it can be."""

from harness import raises
from mote import parcel
from mote.record import Reading

READINGS = [Reading("temperature", "Cel", 23.5, None), Reading("on", None, True, 1800000000), Reading("n", "%", -3, 1)]
LAST = (255, 0xFFFFFFFF, 0xFFFFFFFF)


def test_what_was_packed_comes_out():
    data = parcel.pack(LAST, 1800000000, 2**40, READINGS)
    assert isinstance(data, bytes)
    assert parcel.identity(data) == LAST
    assert list(parcel.readings(data)) == READINGS
    assert parcel.taken(data, None, None) == 1800000000


def test_number_is_packed_in_single_precision_and_takes_no_more_than_that():
    exact = parcel.pack(LAST, None, 0, [Reading("t", None, 0.5, None)])
    tenth = parcel.pack(LAST, None, 0, [Reading("t", None, 0.1, None)])
    assert len(tenth) == len(exact) + 2
    assert abs(next(iter(parcel.readings(tenth))).value - 0.1) < 1e-8


def test_time_that_was_not_known_is_reckoned_once_the_clock_is_set():
    data = parcel.pack(LAST, None, 5000, READINGS)
    assert parcel.taken(data, None, 9000) is None
    assert parcel.taken(data, 1800000010, 15000) == 1800000000
    assert parcel.taken(data, 1800000010, 15999) == 1800000000
    assert parcel.waited(data, 5250) == 250


def test_time_that_was_taken_from_a_wrong_clock_is_reckoned_anew_by_a_right_one():
    data = parcel.pack(LAST, 2200000000, 5000, READINGS)
    assert parcel.taken(data, 1800000010, 15000) == 1800000000
    assert parcel.taken(data, None, 15000) == 2200000000


def test_time_before_this_start_is_reckoned_as_any_other():
    for before in (-1, -2, -86400000):
        data = parcel.pack(LAST, None, before, READINGS)
        assert parcel.taken(data, 1800086400, 0) == 1800086400 - -before // 1000
        assert abs(parcel.waited(data, 10) - (10 - before)) <= 1
    assert parcel.waited(parcel.of_earlier_start(data), 10) is None


def test_time_of_an_earlier_start_stays_unknown_unless_it_had_been_known():
    data = parcel.pack(LAST, None, 5000, READINGS)
    assert parcel.taken(data, 1800000010, None) is None
    old = parcel.of_earlier_start(data)
    assert parcel.taken(old, 1800000010, 9000) is None
    assert (parcel.identity(old), list(parcel.readings(old))) == (LAST, READINGS)
    known = parcel.of_earlier_start(parcel.pack(LAST, 1800000000, 5000, READINGS))
    assert parcel.taken(known, 1900000000, 9000) == 1800000000


def test_what_is_no_parcel_raises_a_value_error():
    data = parcel.pack(LAST, None, 0, READINGS)
    for size in range(21, len(data)):
        raises(ValueError, list, parcel.readings(data[:size]))
    raises(ValueError, list, parcel.readings(data[:21] + b"\x81\x01"))
    raises(ValueError, list, parcel.readings(data[:21] + b"\xa0"))
