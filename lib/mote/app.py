"""The wiring: settings, secrets, sensors, actuators, protection and link become one mote.

Everything is checked before the first byte leaves. Where something is missing the mote stops, says
why on the console and lights its LED: it never sends less protected than it was told to.
"""

import asyncio
import gc
import os
import time

import machine

from mote import actuators, backoff, channel, clock, command, epoch, facts, floor, guard, health, keys, link, log, nap
from mote import plan, protect, rtc, sampler, sealed, sensors, store, trial, uptime, vault, wifi
from mote.actuators.keeper import Keeper
from mote.care import Care
from mote.led import Led
from mote.ledger import Ledger
from mote.orders import Orders
from mote.plan import Stop
from mote.records import Records
from mote.roots import Roots
from mote.sensors.buses import Buses
from mote.timekeeper import Timekeeper
from mote.watchdog import Watchdog

_SECRET_LIMIT = 512
_CERTIFICATE_LIMIT = 2048
_REFUSAL_LOG_MS = 10_000
_BEHIND_MS = 2000
_HEALTH_MS = 1000
_AGAIN_S = 5
_TICK_MS = 1000


class App:
    """One mote, ready to run; `taken` is what this waking took already, as nap.doze says it."""

    def __init__(self, settings, keep, taken=None):
        log.level = log.LEVELS.index(settings.log)
        self._settings = settings
        self.actuators = Keeper(settings)  # first of all hardware: whatever fails from here on, they are safe
        self._orders = Orders(self.actuators.all, settings.rules, settings.sample_ms, log.warn)
        if trial.mode == trial.SAFE:
            self._orders.refuses = "safe mode: " + trial.why
        self._led = Led(settings.led)
        self._led.on()
        buses = Buses(settings)
        pairs = [(spec, sensors.create(spec, buses)) for spec in settings.sensors]
        self._sampler = sampler.Sampler(pairs, settings.values)
        settings.sensors = settings.values = settings.actuators = settings.rules = ()  # they were taken over
        earliest = floor.Floor(keep, settings.generation, settings.clock_floor)
        self._clock = clock.Clock(earliest.seconds)
        guard.grace_s = settings.watchdog_s
        log.say("mote", "started by", guard.cause())
        networks = ["wifi"] + ["wifi%d" % (i + 1) for i in range(len(settings.wifi.more or ()))]
        passphrases = [keep.get(each, _SECRET_LIMIT) for each in networks]
        longest_ms = backoff.longest_ms(settings.watchdog_s)
        self._wifi = wifi.Wifi(settings.wifi, passphrases, settings.mote, longest_ms)
        self._time = Timekeeper(self._clock, earliest, self._wifi, settings)
        self._wifi.switch_on()  # before the epoch: the random part wants the radio's noise
        self._channel, why = channel.choose(settings.channel, settings.floor, facts.measure(settings.room))
        log.say("mote", settings.mote, "on", settings.board + ":", "channel", self._channel + ":", why)
        self._health = health.Health(settings, self._channel, why, guard.cause(), self._clock, self._wifi)
        self._keep = keep
        self._roots = Roots(keep, settings.generation)
        self._care = None
        asleep = nap.wake(keep, self._roots.generation)
        self._tries = asleep.tries if asleep else 0
        self._taken = taken is not None
        if asleep:
            self._sampler.resume(taken[1] if taken else asleep.alarms)
        memory, chip = rtc.of_board(), machine.unique_id()
        self._ledger = Ledger(memory, chip)
        self._begin_epoch(asleep)
        self._refusal_said = None
        self._behind = False
        self._behind_said = None
        self._protection, tls = self._protect(keep)
        self.records = Records(settings, self._ledger, self._clock, self._protection, memory, chip)
        self.records.resume(asleep, taken[0] if taken else [])
        status = self._health.status
        self._link = link.Link(settings, self._wifi, self._protection, tls, self.records.outbox, self._take, status)
        self._health.watch(self._roots, self._sampler, self._protection, self._link, self.actuators)
        self._health.count(self._ledger, self.records.kept)
        if asleep:
            log.say("epoch", "the one before deep sleep goes on")
            self._protection.resume(asleep.sequence, asleep.down, asleep.failed)
            self._link.connection = asleep.connection
            self._orders.answers = asleep.answers

    def _begin_epoch(self, asleep=None):
        """Take the epoch that this mote fell asleep in, or begin one: the counter is saved when this returns."""
        if asleep:
            self._epoch = asleep.epoch
        else:
            seed = os.urandom(32) + machine.unique_id()
            self._epoch = epoch.begin(self._keep, self._roots.generation, seed)
        self._boot = self._health.boot = sealed.split_epoch(self._epoch)[1]
        self._ledger.begin(self._roots.generation, self._boot, asleep.record if asleep else 0)

    def _renew(self):
        """Begin an epoch without a reboot: other keys, and a session whose will and password are of it."""
        self._begin_epoch()
        self._protection.begin(self._epoch, self._boot, self._roots.root, self._roots.older)
        self.records.outbox.renewed()
        self._link.renew()
        log.say("epoch", "generation %d, counter %d begins" % (self._roots.generation, self._boot))

    def _protect(self, keep):
        """Return what protects the payloads, and what secures the connection or None."""
        settings = self._settings
        carrier, seals = channel.parts(self._channel)
        tls = None
        if carrier == channel.TLS:
            from mote.tls import Tls

            ca = store.read("/ca.der", _CERTIFICATE_LIMIT)
            certificate = store.read("/cert.der", _CERTIFICATE_LIMIT)
            key = keep.get("key", _SECRET_LIMIT)
            if not ca or not certificate or not key:
                raise Stop("a certificate or its key is missing; provision this mote again")
            tls = Tls(settings.broker.name, ca, certificate, key)
        elif carrier == channel.TLS_PSK:
            from mote.psk import Psk

            tls = Psk(settings.broker.name, settings.mote, keys.subkey(self._root(), settings.fleet, keys.PSK))
        if not seals:
            return protect.InTls(settings.mote, self._clock, self._boot), tls
        static = settings.connect == "static"
        age_ms = settings.command_age_s * 1000
        kind = protect.Sealed if tls is None else protect.SealedInTls
        root = self._root()
        self._care = Care(self._roots, settings.fleet, settings.mote, carrier != channel.TLS_PSK)
        made = kind(settings.mote, settings.zone, settings.fleet, root, self._epoch, self._boot, static, age_ms)
        made.begin(self._epoch, self._boot, root, self._roots.older)
        return made, tls

    def _root(self):
        """Return the mote's root key; Stop where there is none."""
        if self._roots.root is None:
            raise Stop("the root key is missing; provision this mote again")
        return self._roots.root

    async def run(self):
        """Sample, keep time and keep the link, for ever; raises what none of them could handle."""
        watchdog = Watchdog(self._settings.watchdog_s, self._link, self.records.save)
        watching = watchdog.run()
        holding = self.actuators.run(self._link, self.records.take, self._decide)
        if self._settings.sleep_ms:
            self._watching = asyncio.create_task(watching), asyncio.create_task(holding)
            await self._doze(watchdog.trial)
        self.actuators.restore()
        keeping_time = self._time.run(self._link)
        await asyncio.gather(holding, self._sample(), keeping_time, self._connect(), self._show(), watching)

    async def _doze(self, tried):
        """One waking that sends: a record, what the gateway has to say to it, and deep sleep."""
        keeping_time = asyncio.create_task(self._time.run(self._link))
        if not self._taken:
            await self._take_record()
        await self._link.finish(self._connect(), self._settings.listen_ms)
        keeping_time.cancel()
        self.actuators.safe()
        tried.slept()
        tries = 0 if self._link.acknowledged else self._tries + 1
        sleep_ms, protection = self._settings.sleep_ms, self._protection
        counts = (self._link.connection, self._ledger.record, protection.failed, 0, sleep_ms)
        naps = nap.naps(self._settings.send_every, sleep_ms, tries)
        rest = (naps, tries, self.records.outbox.dropped, self._sampler.on(), self._orders.answers)
        self.records.sleep(rtc.Asleep(*((self._epoch, protection.sequence, protection.down) + counts + rest)))

    async def _connect(self):
        """Keep the link; where there are certificates, first wait for a time at which they can be judged."""
        if channel.parts(self._channel)[0] == channel.TLS:
            await self._time.known()
        await self._link.run()

    async def _show(self):
        """Put the LED out and tell the guard once the broker has acknowledged something; then tell how the mote is."""
        while not self._link.acknowledged:
            await asyncio.sleep_ms(100)
        self._led.off()
        guard.healthy()
        while True:
            await asyncio.sleep_ms(_HEALTH_MS)
            if trial.mode == trial.SAFE:
                self._led.toggle()
            if self._link.up and self._health.due():
                self._tell()

    async def _sample(self):
        """Read every sensor each period and queue what there is to report."""
        due = time.ticks_ms()
        while True:
            await self._take_record()
            due = time.ticks_add(due, self._settings.sample_ms)
            wait = time.ticks_diff(due, time.ticks_ms())
            if wait < 0:
                due = time.ticks_ms()  # a period that was missed is not made up for
            while wait > _TICK_MS:
                await asyncio.sleep_ms(_TICK_MS)
                self.records.tick()
                wait = time.ticks_diff(due, time.ticks_ms())
            await asyncio.sleep_ms(max(wait, 0))
            self.records.tick()

    async def _take_record(self):
        """Read every sensor once and queue what there is to report, as one record where it is not too much for one."""
        uptime.ms()  # it has to be asked every few days, and here it is whatever else happens
        readings = await self._sampler.read()
        self._decide(readings)
        self._say_behind()
        if self._protection.spent:
            self._renew()
        for pack in sampler.packs(self._sampler.report(readings)):
            self.records.take(pack)
        self._health.collect()

    def _decide(self, readings=()):
        """Let rules act, on the `readings` of a sample if there is one, and end what a command holds for a time."""
        self._orders.tick(readings, uptime.ms(), self._clock.now())

    def _take(self, payload):
        """Take a downlink: obey it, say that it is too late, or count it as refused."""
        log.debug("orders", "downlink of", len(payload), "bytes")
        try:
            order = self._protection.command(payload)
            self._time.told(order.deadline)
            if self._care is not None:
                self._care.settle(self._protection)
                if self._care.takes(order):
                    self._obey_care(order)
                    return
            answer = self._orders.obey(order, uptime.ms())
        except protect.Expired as late:
            self._time.told(late.command.deadline)
            answer = self._orders.expired(late.command)
        except (sealed.Refused, command.CommandError, MemoryError) as error:
            gc.collect()
            self._health.refused += 1
            now = uptime.ms()
            if isinstance(error, protect.Behind):
                self._behind = True
                self._say_behind()
            if self._refusal_said is None or now - self._refusal_said > _REFUSAL_LOG_MS:
                self._refusal_said = now
                log.warn("orders", "refused:", error)
            return
        log.say("orders", answer.name, answer.result)
        self._link.send("ack", self._protection.answer(answer))

    def _obey_care(self, order):
        """Take a command to the mote itself; its answer is still sealed under the keys that it came under.

        The link, which calls this, would go on after an error. Without an epoch of the new root key the mote starts
        anew instead.
        """
        generation = self._roots.generation
        try:
            answer = self._care.obey(order)
            log.say("orders", answer.name, answer.result, answer.why or "")
            self._link.send("ack", self._protection.answer(answer))
            if self._roots.generation != generation:
                self._renew()
        except Exception as error:
            if self._roots.generation == generation:
                raise
            # The new key is in force from the next start on; this one cannot go on half way, without an epoch of it.
            log.error("orders", "could not be saved:", repr(error))
            self.records.save()
            trial.ended()
            machine.reset()

    def _say_behind(self):
        """A true downlink was not newer than the last: say, not too often, from where its sender has to count on."""
        now = uptime.ms()
        quiet = self._behind_said is None or now - self._behind_said > _BEHIND_MS
        if self._behind and quiet and self._link.up:
            self._behind = False
            self._behind_said = now
            self._tell()

    def _tell(self):
        """Queue the status; it can wait where there is no memory for it."""
        try:
            status = self._health.status(self._link.connection, True)
            self._link.send("state", self._protection.state(status), self._protection.retain_state)
        except MemoryError:
            log.warn("mote", "no memory for the status")


def _restart():
    trial.ended()
    time.sleep(_AGAIN_S)
    machine.reset()


def main(taken=None):
    """Build the mote from what is on the board and run it. Returns only where it may not run.

    `taken` is what nap.doze said: where this waking took something it takes nothing else.
    """
    try:
        app = App(plan.read(), vault.open_vault(), taken)
    except epoch.NotSaved as error:
        # A flash that is full or fails may do better after a reset, and the guard's pauses.
        log.error("mote", "not started:", error, "and it is tried again after a reset; is the flash full?")
        _restart()
    except (Stop, channel.ChannelError, epoch.EpochError) as error:
        # Fail closed: the reason stays on the console, the LED stays lit, nothing is sent.
        trial.ended()
        log.error("mote", "stopped:", error)
        return
    except (actuators.ActuatorError, sensors.SensorError, ImportError, ValueError, OSError) as error:
        another = trial.hopeless(repr(error))
        log.error("mote", "not started:" if another else "stopped:", "these settings cannot work here:", repr(error))
        if another:
            _restart()
        return
    try:
        asyncio.run(app.run())
    finally:
        # main.py says what it was, waits and resets; whoever interrupts by a cable leaves nobody who sees to limits.
        app.actuators.safe()
        app.records.save()
