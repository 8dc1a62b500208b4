"""The serial ports at which boards are plugged in, one after another."""

import time
from collections.abc import Iterator

from . import interrupts, prompt

_POLL_S = 0.3
_SETTLE_S = 1.0  # until the system has let its owner open a port that came


def plugged() -> Iterator[str]:
    """Each port as a board comes to it, for as long as it is asked. What is there at the beginning is left alone."""
    known = set(prompt.ports())
    while True:
        interrupts.check()
        there = set(prompt.ports())
        came = sorted(there - known)
        known = there  # what was pulled may come again
        if came:
            time.sleep(_SETTLE_S)
            yield from came
        time.sleep(_POLL_S)
