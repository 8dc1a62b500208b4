"""What a mote says of itself: the status map, told when a session begins, now and then, and when something matters.

It matters which sensors are missing, which alarms are on, that messages are dropped or refused, and that memory ran
low. What changes is told once it has been quiet for a while, and only while the outbox is half empty: a status that
pushed out a record would do harm.
"""

import gc
import sys

from mote import __version__, const, log, trial, uptime

_QUIET_MS = const(10_000)
_COUNTS_QUIET_MS = const(60_000)  # of counts, which whoever is on the path can make grow
_KINDS = const(6)
_NAMES = const(4)  # of alarms and of actuators together, of these at most _HELD
_HELD = const(2)
_LAST = const(80)
_LOW = const(16)  # memory is low where less than one part in so many was free


class Health:
    """The status of one mote; `boot` is the counter of its epoch, `refused` counts downlinks that did not verify."""

    def __init__(self, settings, channel, why, reset, clock, wifi):
        """`reset` says why the board started."""
        self._settings = settings
        self._channel = channel
        self._why = why
        self._clock = clock
        self._wifi = wifi
        self._low = gc.mem_free()
        self._reset = reset
        self._told_ms = 0
        self._told_missing = self._told_alarms = self._told_held = ()
        self._told_counts = 0
        self._told_low = False
        self.boot = 0
        self.refused = 0

    def watch(self, roots, sampler, protection, link, actuators):
        """Take what it reports from these parts."""
        self._roots = roots
        self._sampler = sampler
        self._protection = protection
        self._link = link
        self._actuators = actuators

    def count(self, ledger, kept):
        """Take what it says of the records: `ledger`, and the identity of the newest that the start found in flash."""
        self._ledger = ledger
        self._kept = kept

    def collect(self):
        """Collect garbage; return how many bytes of memory could be had then, of which the least is kept."""
        gc.collect()
        free = gc.mem_free()
        self._low = min(self._low, free)
        return free

    def due(self):
        """True where the status should be told now: something in it matters, or it was told long ago."""
        quiet = uptime.ms() - self._told_ms
        if quiet < _QUIET_MS or 2 * len(self._link.outbox) > self._settings.outbox:
            return False
        period = self._settings.health_s
        return bool(
            self._sampler.missing != self._told_missing
            or self._sampler.alarms != self._told_alarms
            or self._actuators.held != self._told_held
            or self._is_low() != self._told_low
            or (quiet >= _COUNTS_QUIET_MS and self._counts() != self._told_counts)
            or (period and quiet >= period * 1000)
        )

    def status(self, connection, online):
        """Return the status map; the will is its short form."""
        if not online:
            return {"online": False, "boot": self.boot, "connection": connection}
        free = self.collect()
        self._told_ms = uptime.ms()
        self._told_missing = self._sampler.missing
        self._told_alarms = self._sampler.alarms
        self._told_held = self._actuators.held
        self._told_counts = self._counts()
        self._told_low = self._is_low()
        status = {
            "online": True,
            "boot": self.boot,
            "connection": connection,
            "channel": self._channel,
            "why": self._why,
            "board": self._settings.board,
            "generation": self._roots.generation,
            "reset": self._reset,
            "firmware": "%d.%d.%d" % sys.implementation[1][:3],
            "version": __version__,
            "free": free,
            "used": gc.mem_alloc(),
            "low": self._low,
            "missing": self._kinds(),
            "record": self._ledger.record,
            "before": self._ledger.before(),
            "dropped": self._link.outbox.dropped,
            "damaged": self._link.outbox.damaged,
            "refused": self.refused,
            "joins": self._wifi.joins,
            "uptime": self._told_ms // 1000,
        }
        held = list(self._told_held[:_HELD])
        # What there is nothing to say of is left out.
        for name, value in (
            ("mode", trial.mode),
            ("mode_why", trial.why if trial.mode else None),
            ("alarms", list(self._told_alarms[: _NAMES - len(held)]) or None),
            ("held", held or None),
            ("down", self._protection.down if self._protection.down >= 0 else None),
            ("kept", self._kept),
            ("rssi", self._wifi.rssi()),
            ("clock", self._clock.source if self._clock.now() is not None else None),
            ("failures", self._link.failures if any(self._link.failures) else None),
            ("lost", self._link.lost),
            ("last", None if trial.mode else log.last[:_LAST] or None),
        ):
            if value is not None:
                status[name] = value
        return status

    def _kinds(self):
        """Return the kinds of missing sensors, each once, and not more than the status has room for."""
        kinds = []
        for kind in self._told_missing:
            if kind not in kinds and len(kinds) < _KINDS:
                kinds.append(kind)
        return kinds

    def _counts(self):
        return self._link.outbox.dropped + self.refused

    def _is_low(self):
        return self._low * _LOW < gc.mem_free() + gc.mem_alloc()
