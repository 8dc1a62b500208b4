"""The console: one line an event, with the seconds since start and who says it.

Callers pass short texts that they wrote themselves. Bytes from outside and secrets are never
passed here; `repr` of an exception is, so no exception text holds a secret.
"""

import time

_start = None


def say(who, *words):
    """Print `12.345 who: words …`."""
    global _start
    now = time.ticks_ms()
    if _start is None:
        _start = now
    ms = time.ticks_diff(now, _start)
    print("%d.%03d %s:" % (ms // 1000, ms % 1000, who), *words)
