"""Waiting for what other processes and threads do."""

import time
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")


def until(condition: Callable[[], _T], within_s: float = 60.0, every_s: float = 0.02) -> _T:
    """What `condition` gives, once it gives something true. Raises AssertionError where that takes too long."""
    end = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(every_s)
    return found
