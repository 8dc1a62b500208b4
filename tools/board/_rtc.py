"""`machine.RTC`."""

from micropython import const

import _hardware

_LONGEST = const(2048)
_LONGEST_ESP8266 = const(492)


class RTC:
    """The clock, and a little memory that outlives every reset but the loss of power."""

    def datetime(self, value=None):
        """Return (year, month, day, weekday, hour, minute, second, microsecond), or set it."""
        import time

        if value is None:
            now = _hardware.clock_us()
            year, month, day, hour, minute, second, weekday, _ = time.gmtime()
            return (year, month, day, weekday, hour, minute, second, now % 1000000)
        year, month, day, _, hour, minute, second, microsecond = value
        self._set(time.mktime((year, month, day, hour, minute, second)), microsecond)
        return None

    def init(self, value):
        """Set the clock: (year, month, day, hour, minute, second, microsecond, _)."""
        import time

        year, month, day, hour, minute, second = value[:6]
        self._set(time.mktime((year, month, day, hour, minute, second)), 0)

    def _set(self, seconds, microsecond):
        import time

        _hardware.set_clock_us((seconds + time.EPOCH) * 1000000 + microsecond)

    if _hardware.chip != "rp2040":

        def memory(self, data=None):
            """Return the memory's bytes, or keep `data` there."""
            if data is None:
                return _hardware.memory()
            if len(data) > (_LONGEST_ESP8266 if _hardware.chip == "esp8266" else _LONGEST):
                raise ValueError("buffer too long")
            return _hardware.memory(data)
