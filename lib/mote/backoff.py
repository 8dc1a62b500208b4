"""Pauses that grow: longer after each failure, up to a longest, and never the same twice."""

import random

from mote import const

_FIRST_MS = const(500)
_LONGEST_MS = const(60_000)


def longest_ms(grace_s):
    """Return the longest pause under a watchdog with a grace of `grace_s` seconds (0: none): at most a quarter of it.

    So it bites after several tries, not between two.
    """
    return min(_LONGEST_MS, grace_s * 250 or _LONGEST_MS)


class Backoff:
    """The pauses between tries of one thing, at most `longest_ms` each."""

    def __init__(self, longest_ms):
        self._longest_ms = longest_ms
        self.reset()

    def reset(self):
        """It worked: the next pause is short again."""
        self._next_ms = min(_FIRST_MS, self._longest_ms)

    def hold(self, ms):
        """The next pauses are of `ms`, however long the others may be: nothing will change soon."""
        self._next_ms = ms

    def pause_ms(self):
        """Return how long to wait now, from half of the pause to all of it; the next one is twice as long."""
        pause = self._next_ms
        self._next_ms = max(pause, min(pause * 2, self._longest_ms))
        return pause // 2 + random.getrandbits(16) * pause // 131072
