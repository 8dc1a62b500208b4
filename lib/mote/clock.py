"""Wall-clock time with a floor: seconds since 1970 in UTC, or nothing.

A board starts in 1970 or in 2000, and counts from either; both are turned into 1970 here and
nowhere else. Anyone on the path can answer SNTP, so its word is taken only from the floor to twenty
years above it, and it never raises the floor.
"""

import time

from mote import const

_FROM_1970_TO_2000 = const(946684800)
_SNTP_WAIT_S = const(1)
_BELIEVED_S = const(631152000)  # 20 years
_LATEST = const(0x7FFFFFFF)  # in a port's epoch: beyond it ports differ in what gmtime does


def _offset():
    """Return the seconds between 1970 and this port's epoch."""
    return _FROM_1970_TO_2000 if time.gmtime(0)[0] == 2000 else 0


class Clock:
    """The board's clock; `floor` is the earliest time that can be true, in seconds since 1970."""

    def __init__(self, floor):
        self._floor = floor

    def now(self):
        """Return the time in whole seconds since 1970, or None while it is not known."""
        now = int(time.time()) + _offset()
        return now if now >= self._floor else None

    def ask(self, host):
        """Ask the time server `host`; set the clock and return True where its answer can be true.

        Blocks for at most one second after the name is resolved. Raises OSError where nobody answers. What is no
        answer, which ntptime does not look for, is one that cannot be true.
        """
        import ntptime
        from machine import RTC

        ntptime.host = host
        ntptime.timeout = _SNTP_WAIT_S
        try:
            seconds = ntptime.time()  # in this port's epoch
        except (ValueError, IndexError, OverflowError):
            return False
        if not 0 <= seconds + _offset() - self._floor <= _BELIEVED_S or seconds > _LATEST:
            return False
        year, month, day, hour, minute, second, weekday = time.gmtime(seconds)[:7]
        RTC().datetime((year, month, day, weekday, hour, minute, second, 0))
        return True
