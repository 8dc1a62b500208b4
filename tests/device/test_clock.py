"""The clock: what is below the floor is not believed, whoever says it."""

import sys
import time

from mote.clock import Clock


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


def test_time_below_the_floor_is_no_time():
    assert Clock(int(time.time()) + 1000).now() is None
    assert abs(Clock(0).now() - int(time.time())) <= 1


def test_answer_below_the_floor_does_not_set_the_clock():
    assert not ask(Clock(1760000000), 1759999999)
    assert FakeMachine.was is None


def test_answer_at_the_floor_sets_the_clock():
    assert ask(Clock(1760000000), 1760000000)
    assert FakeMachine.was[:3] == (2025, 10, 9)


def test_datagram_that_is_no_answer_is_not_taken():
    for error in (ValueError("buffer too small"), IndexError(), OverflowError()):
        assert not ask(Clock(1760000000), error)
        assert FakeMachine.was is None


def test_answer_of_more_than_twenty_years_above_the_floor_is_not_taken():
    twenty_years = 20 * 365.25 * 86400
    for beyond in (1, 1 << 31, 1 << 40):
        assert not ask(Clock(1500000000), 1500000000 + int(twenty_years) + beyond)
        assert FakeMachine.was is None
    assert ask(Clock(1500000000), 1500000000 + int(twenty_years))
    assert FakeMachine.was[0] == 2037


def test_answer_that_gmtime_may_not_know_is_not_taken():
    assert not ask(Clock(2000000000), 1 << 31)
    assert ask(Clock(2000000000), (1 << 31) - 1)
