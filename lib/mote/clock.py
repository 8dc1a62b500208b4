"""Wall-clock time with a floor: seconds since 1970 in UTC, or nothing.

A board starts in 1970 or in 2000, and counts from either; both are turned into 1970 here and
nowhere else. Anyone on the path can answer SNTP, so its word is taken only from the floor to twenty
years above it, and it never raises the floor.

Once the time is known it goes on by the ticks alone: whatever happens to the board's own clock changes
nothing of it. TLS judges certificates by the board's clock, so that one is held to this one.
"""

import time

from mote import const, trial, uptime

_FROM_1970_TO_2000 = const(946684800)
_SNTP_WAIT_S = const(1)
_BELIEVED_S = const(631152000)  # 20 years
_LATEST = const(0x7FFFFFFF)  # in a port's epoch: beyond it ports differ in what gmtime does
_APART_S = const(5)

BOARD = "board"  # the time was there at the start, kept by the board through a reset or a sleep
SNTP = "sntp"


def _offset():
    """Return the seconds between 1970 and this port's epoch."""
    return _FROM_1970_TO_2000 if time.gmtime(0)[0] == 2000 else 0


def _set_board(seconds):
    """Set the board's own clock to `seconds`, in this port's epoch."""
    from machine import RTC

    year, month, day, hour, minute, second, weekday = time.gmtime(seconds)[:7]
    RTC().datetime((year, month, day, weekday, hour, minute, second, 0))


class Clock:
    """The mote's clock; `floor` is the earliest time that can be true, in seconds since 1970.

    `source` is who said the time, BOARD or SNTP, or None while it is not known.
    """

    def __init__(self, floor):
        self.floor = floor
        self.source = None
        self._zero = 0  # the time at which uptime.ms() was 0, where there is a source

    def now(self):
        """Return the time in whole seconds since 1970, or None while it is not known."""
        return self.at(uptime.ms())

    def at(self, ms):
        """Return the time at which uptime.ms() was `ms`, or None while the time is not known."""
        if self.source is None:
            found = int(time.time()) + _offset()
            if not self._possible(found):
                return None
            self._zero = found - uptime.ms() // 1000
            self.source = BOARD
        if self._zero + uptime.ms() // 1000 < self.floor:  # which has been raised above it
            self.source = None
            return None
        return self._zero + ms // 1000

    def hold(self):
        """Set the board's own clock to this one where they differ; return by how many seconds they did, mostly 0."""
        now = self.now()
        if now is None:
            return 0
        apart = abs(int(time.time()) + _offset() - now)
        if apart <= _APART_S:
            return 0
        _set_board(now - _offset())
        return apart

    def ask(self, host):
        """Ask the time server `host`; where its answer can be true set the clock.

        Return by how many seconds that moved the clock, a large number where the time was not known; None where the
        answer cannot be true. Blocks for at most one second after the name is resolved. Raises OSError where nobody
        answers. What is no answer, which ntptime does not look for, is one that cannot be true.
        """
        import ntptime

        ntptime.host = host
        ntptime.timeout = _SNTP_WAIT_S
        trial.waiting(True)
        try:
            seconds = ntptime.time()  # in this port's epoch
        except (ValueError, IndexError, OverflowError):
            return None
        finally:
            trial.waiting(False)
        if seconds > _LATEST or not self._possible(seconds + _offset()):
            return None
        before = self.now()
        _set_board(seconds)
        seconds += _offset()
        self._zero = seconds - uptime.ms() // 1000
        self.source = SNTP
        return _BELIEVED_S if before is None else abs(seconds - before)

    def _possible(self, seconds):
        return 0 <= seconds - self.floor <= _BELIEVED_S
