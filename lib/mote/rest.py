"""A waking that takes a record and sends nothing: no radio, no key, nothing sealed, no flash while RTC memory has room.

What it needs is loaded, what would send is not: such a waking is as short as its sensors let it be.
"""

import asyncio

import machine

from mote import backlog, batch, clock, floor, log, nap, parcel, plan, rtc, sampler, sensors, uptime
from mote.ledger import Ledger
from mote.sensors.buses import Buses
from mote.watchdog import Watchdog

_LONGEST_S = 30  # that the sensors may take; the slowest need a few


class _NoLink:
    """What the watchdog looks at where there is no link."""

    proven = starved = acknowledged = 0


def take(keep, asleep):
    """Take a record and sleep again; `asleep` is what nap.peek said. Does not return where that is all there is to do.

    Where an alarm goes on or off, or nothing has room for the record, this waking has to send: what it took is returned
    as nap.doze does; all else is as it was. None where the settings cannot be used: whoever goes on says why.
    """
    try:
        settings = plan.read()
        log.level = log.LEVELS.index(settings.log)
        buses = Buses(settings)
        pairs = [(spec, sensors.create(spec, buses)) for spec in settings.sensors]
    except (plan.Stop, sensors.SensorError, ValueError, OSError):
        return None
    if not settings.sleep_ms:
        return None
    reader = sampler.Sampler(pairs, settings.values)
    reader.resume(asleep.alarms)
    readings = reader.report(asyncio.run(_read(reader, settings.watchdog_s)))
    chip = machine.unique_id()
    memory = rtc.of_board()
    ledger = Ledger(memory, chip)
    ledger.begin(asleep.epoch[0], int.from_bytes(asleep.epoch[1:5], "big"), asleep.record)
    now = clock.Clock(floor.Floor(keep, settings.generation, settings.clock_floor).seconds).now()
    key = chip + backlog.owner(settings)
    taken = [parcel.pack(ledger.next(), now, uptime.ms(), pack) for pack in sampler.packs(readings)]
    if reader.on() != asleep.alarms:
        return taken, reader.on()
    parcels = batch.unpack(memory.batch(), nap.fell_asleep_ms(asleep), key) + taken
    log.say("nap", len(parcels), "records in memory,", asleep.naps - 1, "more wakings until one sends")
    newest = settings.drop == "newest"

    def spill(waiting):
        """Put `waiting` into flash; where it is full too it is time to send, unless that was tried in vain."""
        store = backlog.of(settings)
        count = 0 if store is None else store.append(waiting, False)
        if count < len(waiting):
            if not asleep.tries:
                return None
            count += 0 if store is None else store.append(waiting[count:], not newest)
        return waiting[count:]

    numbers = tuple(asleep[:4]) + (ledger.record,) + tuple(asleep[5:8]) + (asleep.naps - 1,) + tuple(asleep[9:])
    nap.sleep(rtc.Asleep(*numbers), parcels, now, key, newest, spill)
    return taken, asleep.alarms


async def _read(reader, grace_s):
    """Return what the sensors say, in bounded time: a driver that hangs would empty a battery."""
    watching = asyncio.create_task(Watchdog(grace_s, _NoLink, list).run())
    try:
        return await asyncio.wait_for(reader.read(), _LONGEST_S)
    except asyncio.TimeoutError:
        log.warn("sensors", "no answer in time")
        return []
    finally:
        watching.cancel()
