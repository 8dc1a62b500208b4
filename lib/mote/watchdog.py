"""The watchdog: a mote that does not get through to a broker, or hangs, starts anew.

Alive is what a broker has acknowledged something to (PUBACK, PINGRESP); neither the program's own word nor an open
connection counts. The chip's watchdog has a period of seconds, so a task feeds it as long as the last proof is
younger than the grace in the settings. Where it is older, what waits is saved, the reason is kept for the next start,
and the board is reset. A program that hangs runs no task, and the chip's watchdog bites.
"""

import asyncio
import time

import machine

from mote import const, guard, log, uptime
from mote.trial import Trial

_TURN_MS = const(1000)
_PERIOD_MS = const(30_000)  # a name server or a flash that takes its time may block as long
_HUNG_MS = const(20_000)
_STARVED = const(8)  # sessions in a row


class Watchdog:
    """Watches `link` with a grace of `grace_s` seconds; `save` is called before a reset. With 0 it never resets."""

    def __init__(self, grace_s, link, save):
        self._grace_ms = grace_s * 1000
        self._link = link
        self._save = save
        self._turned = 0
        self._dog = self._timer = None
        self.trial = Trial(grace_s, link, save)

    async def run(self):
        """Watch for ever; the chip's watchdog cannot be stopped any more once this has begun."""
        self._turned = time.ticks_ms()
        if self._grace_ms:
            self._start()
        while True:
            self._turned = time.ticks_ms()
            self._feed(None)
            self.trial.turn()
            if self._grace_ms and uptime.ms() - self._link.proven > self._grace_ms:
                self._reset(guard.NO_BROKER)
            if self._grace_ms and self._link.starved >= _STARVED:
                self._reset(guard.NO_MEMORY)
            await asyncio.sleep_ms(_TURN_MS)

    def _start(self):
        """Start the chip's watchdog, with a long period where that can be chosen."""
        kind = getattr(machine, "WDT", None)
        if kind is None:
            log.warn("watchdog", "this board has none; a program that hangs stays so")
            return
        try:
            self._dog = kind(timeout=_PERIOD_MS)
        except (ValueError, TypeError):
            # The ESP8266 has its own few seconds, less than a name server may take: there a timer feeds it, as long
            # as the task has had its turn not long ago. It goes on while the firmware waits for the network.
            self._dog = kind()
            self._timer = machine.Timer(-1)  # kept: one that nobody names is collected while it runs
            self._timer.init(period=_TURN_MS, mode=machine.Timer.PERIODIC, callback=self._feed)

    def _feed(self, _):
        if self._dog and time.ticks_diff(time.ticks_ms(), self._turned) < _HUNG_MS:
            self._dog.feed()

    def _reset(self, reason):
        """Keep `reason` and what waits, and start anew."""
        guard.keep(reason)
        self.trial.reset(reason == guard.NO_BROKER)
        log.error("watchdog", "starting anew:", guard.why(reason))
        self._save()
        machine.reset()
