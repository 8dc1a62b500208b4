"""Deep sleep: what a mote takes with it, and when it may go on where it was.

The next sequence number of a sleeping mote is in RTC memory alone, so that memory is believed only where
every sign says that it is of this very sleep: the board woke from deep sleep, the block is whole and of
this chip, its generation and boot counter are those in the vault, and the time since is less than twice
the sleep, which no block of an earlier sleep can be. Anything else begins a new epoch.
"""

import time

import machine

from mote import epoch, rtc, sealed


def _now_ms():
    """Return the board's clock in milliseconds; it runs on through deep sleep."""
    return time.time_ns() // 1_000_000


def wake(keep, generation):
    """Return what was kept by `sleep`, an rtc.Asleep, or None: then a new epoch begins.

    It is erased from RTC memory in either case; call this before anything is sealed. `keep` is the vault.
    """
    asleep = rtc.of_board().take(machine.unique_id())
    if asleep is None or machine.reset_cause() != machine.DEEPSLEEP_RESET:
        return None
    found, counter, _ = sealed.split_epoch(asleep.epoch)
    if found != generation or counter != epoch.last(keep):
        return None
    return asleep if 0 <= _now_ms() - asleep.slept_ms < 2 * asleep.sleep_ms else None


def sleep(sleep_ms, made, numbers, answers):
    """Keep the rest, sleep for `sleep_ms`; does not return, and nothing may be sealed after the call.

    `made` is the epoch; `numbers` are the next sequence number, the highest downlink, how many connections and
    records there were, and how many openings failed.
    """
    sequence, down, connection, record, failed = numbers
    asleep = rtc.Asleep(made, sequence, down, connection, record, failed, _now_ms(), sleep_ms, answers)
    rtc.of_board().keep(asleep, machine.unique_id())
    machine.deepsleep(sleep_ms)
