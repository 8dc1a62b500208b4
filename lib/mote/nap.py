"""Deep sleep: what a mote takes with it, when it may go on where it was, and which of its wakings send.

The next sequence number of a sleeping mote is in RTC memory alone, so that memory is believed only where
every sign says that it is of this very sleep: the board woke from deep sleep, the block is whole and of
this chip, its generation and boot counter are those in the vault, and the time since is less than twice
the sleep, which no block of an earlier sleep can be. Anything else begins a new epoch.
"""

import time

import machine

from mote import const, epoch, guard, log, rtc, trial, uptime

_HOUR_MS = const(3600000)
_DOUBLINGS = const(12)
_MOST_NAPS = const(0xFFFF)
_MOST_TRIES = const(0xFF)


def doze():
    """Take a record and sleep again, where this is a waking that sends nothing: then it does not return.

    Else return what this waking took before it was known that it has to send: parcels, and which alarms are on
    (mote.values); mostly it took nothing, and that is None.
    """
    from mote import vault

    keep = vault.open_vault()
    asleep = peek(keep)
    if asleep is None or not asleep.naps:
        return None
    from mote import rest

    return rest.take(keep, asleep)


def peek(keep):
    """Return what was kept by `sleep`, an rtc.Asleep, or None; it stays, so nothing may be sealed that continues it."""
    return _believed(rtc.of_board().peek(machine.unique_id()), keep)


def wake(keep, generation):
    """Return what was kept by `sleep`, an rtc.Asleep, or None: then a new epoch begins.

    It is erased from RTC memory in either case; call this before anything is sealed. `keep` is the vault.
    """
    asleep = _believed(rtc.of_board().take(machine.unique_id()), keep)
    return asleep if asleep and asleep.epoch[0] == generation else None


def _believed(asleep, keep):
    if asleep is None or machine.reset_cause() != machine.DEEPSLEEP_RESET or not epoch.is_last(keep, asleep.epoch):
        return None
    return asleep if 0 <= _now_ms() - asleep.slept_ms < 2 * asleep.sleep_ms else None


def _now_ms():
    """Return the board's clock in milliseconds; it runs on through deep sleep."""
    return time.time_ns() // 1_000_000


def fell_asleep_ms(asleep):
    """Return when the mote fell asleep, in milliseconds since this start: less than 0."""
    return uptime.ms() - (_now_ms() - asleep.slept_ms)


def naps(every, sleep_ms, tries):
    """Return how many wakings only take a record before the next that sends, each `every`-th of them.

    After `tries` of these in a row in which nothing could be sent it is put off, to twice as many for each, but no
    longer than for an hour, where it is not put off for longer anyway.
    """
    most = max(every, _HOUR_MS // sleep_ms)
    return min(every << min(tries, _DOUBLINGS), most, _MOST_NAPS) - 1


def sleep(asleep, parcels, now, key, newest, spill):
    """Keep the rest and the parcels, sleep for `asleep.sleep_ms`; nothing may be sealed after the call.

    `parcels` stay in RTC memory where it has room for all; else `spill(parcels)` puts them into flash and returns those
    that it could not, of which as many are kept as there is room for, the newest or, with `newest` dropped, the oldest.
    It does not return, but where `spill` returns None: then nothing is changed. `now` is the time or None, `key` the
    batch's.
    """
    if not _kept(asleep, parcels, now, key, asleep.dropped):
        parcels = spill(parcels)
        if parcels is None:
            return
        dropped = asleep.dropped
        while not _kept(asleep, parcels, now, key, dropped) and parcels:
            dropped += 1
            log.warn("nap", "dropped a record: no room")
            parcels = parcels[:-1] if newest else parcels[1:]
    guard.slept()
    trial.stood()
    machine.deepsleep(asleep.sleep_ms)


def _kept(asleep, parcels, now, key, dropped):
    from mote import batch

    block = batch.pack(parcels, now, uptime.ms(), key)
    if block is None:
        return False
    tries = min(asleep.tries, _MOST_TRIES)
    stamped = rtc.Asleep(*(tuple(asleep[:6]) + (_now_ms(), asleep[7], asleep[8], tries, dropped) + tuple(asleep[11:])))
    return rtc.of_board().keep(stamped, machine.unique_id(), block)
