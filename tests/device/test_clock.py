"""The clock: what is below the floor is not believed, whoever says it."""

import sys
import time

from mote import uptime
from mote.clock import BOARD, SNTP, Clock


class FakeNtp:
    """A time server that says what the test wants, in this port's epoch, or raises it."""

    def __init__(self, seconds):
        self._seconds = seconds
        self.host = None
        self.timeout = None

    def time(self):
        if isinstance(self._seconds, Exception):
            raise self._seconds
        return self._seconds


class FakeMachine:
    """Only the RTC, which remembers what it was set to."""

    was = None

    class RTC:
        def datetime(self, value):
            FakeMachine.was = value


def ask(clock, seconds):
    kept = {name: sys.modules.get(name) for name in ("ntptime", "machine")}
    sys.modules["ntptime"] = FakeNtp(seconds)
    sys.modules["machine"] = FakeMachine
    FakeMachine.was = None
    try:
        return clock.ask("ntp.example")
    finally:
        for name, module in kept.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def moved(clock, seconds):
    """Move the board's own clock by `seconds` for as long as the test of it takes; return what the clock says then."""
    board = time.time
    module = sys.modules["mote.clock"]

    class Moved:
        gmtime = time.gmtime

        @staticmethod
        def time():
            return board() + seconds

    module.time = Moved
    try:
        return clock.now()
    finally:
        module.time = time


def test_time_below_the_floor_is_no_time():
    assert Clock(int(time.time()) + 1000).now() is None
    clock = Clock(int(time.time()) - 1000)
    assert abs(clock.now() - int(time.time())) <= 1 and clock.source == BOARD


def test_boards_time_of_more_than_twenty_years_above_the_floor_is_no_time():
    clock = Clock(1000000000)
    assert clock.now() is None and clock.source is None


def test_known_time_goes_on_whatever_happens_to_the_boards_clock():
    clock = Clock(int(time.time()) - 1000)
    before = clock.now()
    for by in (-int(time.time()), 12 * 31557600, 80 * 31557600, 86400):
        assert 0 <= moved(clock, by) - before <= 2


def test_time_of_a_moment_before_the_clock_was_set_is_told_after():
    clock = Clock(1790000000)
    ms = uptime.ms()
    assert clock.at(ms) is None or clock.source == BOARD
    assert ask(clock, 1800000000) is not None
    assert 1799999990 < clock.at(ms) <= 1800000000


def test_floor_that_rises_above_the_clock_makes_the_time_unknown():
    clock = Clock(1760000000)
    assert ask(clock, 1760000100) is not None
    clock.floor = 4000000000
    assert clock.now() is None and clock.source is None


def test_answer_below_the_floor_does_not_set_the_clock():
    assert ask(Clock(1760000000), 1759999999) is None
    assert FakeMachine.was is None


def test_answer_at_the_floor_sets_the_clock():
    clock = Clock(1760000000)
    assert ask(clock, 1760000000) is not None
    assert FakeMachine.was[:3] == (2025, 10, 9)
    assert clock.source == SNTP and clock.now() - 1760000000 in (0, 1)


def test_answer_tells_by_how_much_it_moved_the_clock():
    clock = Clock(1760000000)
    ask(clock, 1760000100)
    assert ask(clock, 1760000100) <= 1
    assert ask(clock, 1760086500) in (86399, 86400)


def test_datagram_that_is_no_answer_is_not_taken():
    for error in (ValueError("buffer too small"), IndexError(), OverflowError()):
        assert ask(Clock(1760000000), error) is None
        assert FakeMachine.was is None


def test_answer_of_more_than_twenty_years_above_the_floor_is_not_taken():
    twenty_years = 20 * 365.25 * 86400
    for beyond in (1, 1 << 31, 1 << 40):
        assert ask(Clock(1500000000), 1500000000 + int(twenty_years) + beyond) is None
        assert FakeMachine.was is None
    assert ask(Clock(1500000000), 1500000000 + int(twenty_years)) is not None
    assert FakeMachine.was[0] == 2037


def test_answer_that_gmtime_may_not_know_is_not_taken():
    assert ask(Clock(2000000000), 1 << 31) is None
    assert ask(Clock(2000000000), (1 << 31) - 1) is not None


def test_both_epochs_of_boards_give_seconds_since_1970():
    """The same moment on a port that counts from 2000, which the simulated board does, and on one from 1970."""
    real = time
    for epoch, offset in ((1970, 0), (2000, 946684800)):

        class Port:
            @staticmethod
            def time():
                return 1800000000 - offset  # noqa: B023  used before the next turn

            @staticmethod
            def gmtime(seconds):
                return real.gmtime(seconds + offset)  # noqa: B023  used before the next turn

        sys.modules["mote.clock"].time = Port
        try:
            assert Port.gmtime(0)[0] == epoch
            assert Clock(1760000000).now() == 1800000000
            clock = Clock(1760000000)
            ask(clock, 1790000000 - offset)
            assert FakeMachine.was[:3] == (2026, 9, 21)
            assert clock.now() - 1790000000 in (0, 1)
        finally:
            sys.modules["mote.clock"].time = real
