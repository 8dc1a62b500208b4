"""Keeping time: what a command proves, and which servers are asked."""

import sys

sys.modules.setdefault("network", sys)  # which desktops lack; only what joins looks into it
from mote.timekeeper import Timekeeper  # noqa: E402

BEGIN = 1760000000
DAY = 86400
WEEK = 7 * DAY


class Settings:
    ntp = "a.example, b.example"
    timeout_ms = 1000


class Parts:
    """A clock that says `time`, and a floor."""

    def __init__(self, time, floor=BEGIN):
        self.time = time
        self.seconds = self.floor = floor

    def now(self):
        return self.time

    def rise(self, seconds):
        self.seconds = max(self.seconds, seconds)


def told(deadline, time):
    parts = Parts(time)
    keeper = Timekeeper(parts, parts, None, Settings)
    keeper.told(deadline)
    assert parts.floor == parts.seconds
    return parts.floor, keeper._doubted


def test_command_proves_a_week_before_its_deadline():
    assert told(BEGIN + 10 * DAY, BEGIN + 4 * DAY) == (BEGIN + 3 * DAY, False)


def test_gateway_whose_clock_is_years_ahead_raises_the_floor_no_further_than_the_motes_own_time():
    assert told(BEGIN + 5000 * DAY, BEGIN + 4 * DAY) == (BEGIN + 4 * DAY, True)


def test_motes_clock_that_is_years_ahead_raises_nothing_and_is_doubted():
    assert told(BEGIN + WEEK, BEGIN + 5000 * DAY) == (BEGIN, True)


def test_command_without_a_deadline_or_a_mote_without_a_clock_proves_nothing():
    assert told(None, BEGIN + DAY) == (BEGIN, False)
    assert told(BEGIN + 30 * DAY, None) == (BEGIN, False)


def test_servers_are_named_with_commas_between():
    assert Timekeeper(None, None, None, Settings)._hosts == ["a.example", "b.example"]
    none = Settings()
    none.ntp = ""
    assert Timekeeper(None, None, None, none)._hosts == []
