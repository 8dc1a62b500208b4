"""A schedule: what the actuator is at from which minute of the day on, every day."""

from mote import const

_MINUTE_S = const(60)
_DAY_MIN = const(1440)


class Schedule:
    """`times` are [minute of the day, value], rising; the last of a day goes on until the first of the next.

    The day is that of UTC and `utc_min` minutes. What is wanted follows from the time alone, so a clock that jumps
    leaves nothing out and does nothing twice.
    """

    def __init__(self, spec):
        self._times = spec.times
        self._utc_min = spec.utc_min or 0
        self.wanted = None

    def at(self, wall):
        """Take the time, seconds since 1970, or None where it is not known."""
        if wall is None:
            self.wanted = None
            return
        minute = (wall // _MINUTE_S + self._utc_min) % _DAY_MIN
        wanted = self._times[-1][1]
        for begins, value in self._times:
            if begins > minute:
                break
            wanted = value
        self.wanted = wanted
