"""How long the mote has run, in milliseconds, past the day on which the ticks wrap.

`time.ticks_diff` is right over at most half the range of the ticks, six days on a board, so the time
is added up; whoever asks at least that often gets the right answer (every record and log line does).
"""

import time

_last = None
_total = 0


def ms():
    """Return the milliseconds since the first call."""
    global _last, _total
    now = time.ticks_ms()
    if _last is not None:
        _total += time.ticks_diff(now, _last)
    _last = now
    return _total
