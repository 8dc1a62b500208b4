"""A guard against a mote that starts, fails and starts again without end.

Starts are counted in RTC memory, which survives a reset and costs no flash write; a start that
reached the broker clears the count. After a few that did not, each next one waits first, longer
each time, so that a wire to the board finds it quiet and the flash is not worn by boot counters.
"""

import time

from machine import RTC
from mote import const

_MAGIC = b"g1"
_FREE_STARTS = const(4)
_LONGEST_PAUSE_S = const(300)


def started():
    """Count this start; wait where too many before it failed. Returns how many did."""
    memory = RTC().memory()
    failed = memory[2] if len(memory) == 3 and memory[:2] == _MAGIC else 0
    RTC().memory(_MAGIC + bytes((min(failed + 1, 255),)))
    if failed >= _FREE_STARTS:
        pause = min(5 << min(failed - _FREE_STARTS, 6), _LONGEST_PAUSE_S)
        print("boot: %d starts in a row did not reach the broker; waiting %d s" % (failed, pause))
        time.sleep(pause)
    return failed


def healthy():
    """This start reached the broker: the count begins again."""
    RTC().memory(_MAGIC + b"\x00")
