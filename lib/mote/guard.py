"""A guard against a mote that starts, fails and starts again without end.

Starts are counted in RTC memory, which survives a reset and costs no flash write; a start that
reached the broker clears the count. After a few that did not, each next one waits first, longer
each time, so that a wire to the board finds it quiet and the flash is not worn by boot counters.
"""

import time

import machine
from mote import const, rtc

FREE_STARTS = const(4)
_LONGEST_PAUSE_S = const(300)

# Why a mote resets itself, as RTC memory keeps it: 1 to 7.
NO_BROKER = const(1)
NO_MEMORY = const(2)
PINS = const(3)  # it did not: it ended while the pins were made safe, which may have cost it its supply

grace_s = 0  # of the watchdog, for the words
failed = 0  # starts in a row before this one
_reason = 0  # of this start


def count():
    """Count this start; from here on `failed` says how many before it, in a row, did not reach the broker."""
    global _reason, failed
    memory = rtc.of_board()
    _reason = memory.take_reason()
    failed = memory.failed_starts()
    memory.set_failed_starts(failed + 1)
    if _reason == PINS:
        _wait()  # first: they would end this start too
    memory.set_reason(PINS)


def pause():
    """The pins are safe; wait where too many starts in a row failed."""
    rtc.of_board().take_reason()
    if _reason != PINS:
        _wait()


def _wait():
    if failed >= FREE_STARTS:
        pause_s = min(5 << min(failed - FREE_STARTS, 6), _LONGEST_PAUSE_S)
        print("boot: %d starts in a row did not reach the broker; waiting %d s" % (failed, pause_s))
        time.sleep(pause_s)


def healthy():
    """This start reached the broker: the count begins again."""
    rtc.of_board().set_failed_starts(0)


def slept():
    """This start ends in order, with deep sleep: it was no failed one, whether it was to reach the broker or not."""
    rtc.of_board().set_failed_starts(0)


def keep(reason):
    """Keep for the next start why this one is about to be ended, one of the above."""
    rtc.of_board().set_reason(reason)


def why(reason):
    """Return `reason` as a person says it."""
    if reason == NO_BROKER:
        return "watchdog: no broker for %d s" % grace_s
    if reason == PINS:
        return "an end while the pins were made safe: is the supply too weak?"
    return "watchdog: no memory for a session" if reason == NO_MEMORY else "watchdog: reason %d" % reason


def cause():
    """Return why the board started, as a person says it."""
    if _reason:
        return why(_reason)
    cause = machine.reset_cause()
    if not hasattr(machine, "HARD_RESET") and cause == machine.WDT_RESET:
        return "reset, or watchdog"  # the RP2040 resets by its watchdog
    for name, words in (
        ("PWRON_RESET", "power on"),
        ("HARD_RESET", "reset"),
        ("WDT_RESET", "watchdog: the program hung"),
        ("DEEPSLEEP_RESET", "deep sleep"),
        ("SOFT_RESET", "soft reset"),
    ):
        if cause == getattr(machine, name, None):
            return words
    return str(cause)
