"""All the actuators of a mote: what watches over them whatever its link does, and tells of what becomes of them."""

import asyncio
import gc

from mote import actuators, const, guard, log, trial, uptime

_TURN_MS = const(100)  # of the task; a limit is kept within it, but for what blocks the loop (docs/HARDWARE.md)
_FADE_MS = const(20)
_DECIDE_MS = const(1000)
_REPORT_MS = const(1000)  # what changes is told at once, and then so often at most
_LATE_MS = const(300)  # behind its turn: said, for whoever wants to know what blocks the loop, and how long
_LINK_S = const(300)


class Keeper:
    """The actuators of `settings`, each in its safe state when this is made; `all` are they, mote.actuators.held.Held.

    `held` holds the names of those that are safe though they were told otherwise, with the reason: `pump:link`.
    Raises ActuatorError where one of them cannot be.
    """

    def __init__(self, settings):
        self._kept = None
        if any(spec.keep for spec in settings.actuators):
            from mote.actuators.kept import Kept

            self._kept = Kept(settings.generation, uptime.ms, log.warn)
        driven = [rule.actuator for rule in settings.rules]
        self.all = []
        for spec in settings.actuators:
            link_s = spec.link_s
            if link_s is None:
                link_s = 0 if spec.name in driven else max(_LINK_S, 2 * settings.keepalive_s)
            kept = self._kept if spec.keep else None
            self.all.append(actuators.create(spec, link_s * 1000, uptime.ms, kept))
        self.held = ()
        self._told_ms = None

    def safe(self):
        """Put every actuator into its safe state, before a reset, a deep sleep or the end of the program."""
        for each in self.all:
            each.safe()

    def restore(self):
        """Bring back what was kept over the start; where that may be what made starts fail, forget it.

        It was safe since then, and no later start is to bring back what was before.
        """
        if guard.failed < guard.FREE_STARTS and trial.crashes < trial.LAST:
            for each in self.all:
                each.restore()
        else:
            self.safe()

    async def run(self, link, report, decide):
        """Watch over them for ever: `link.proven` says when the broker was last heard of.

        `report(readings)` takes the Readings of what changed. Once a second `decide()` says what they should be at.
        """
        decided = None
        while self.all:
            last = uptime.ms()
            if decided is None or last - decided >= _DECIDE_MS:
                decided = last
                try:
                    decide()
                except MemoryError:
                    gc.collect()  # it is decided a second later
            moving = self._turn(link)
            try:
                self._report(report)
            except MemoryError:
                gc.collect()  # it is told in the next turn
            await asyncio.sleep_ms(_FADE_MS if moving else _TURN_MS)
            late_ms = uptime.ms() - last - _TURN_MS
            if late_ms > _LATE_MS:
                log.debug("actuators", "looked after late, by ms", late_ms)

    def _turn(self, link):
        """One look at the limits; return whether something is in motion. Never raises: what fails is made safe."""
        moving = False
        for each in self.all:
            try:
                try:
                    moving = self._look(each, link) or moving
                except MemoryError:
                    gc.collect()
                    moving = self._look(each, link) or moving
            except Exception:
                each.safe(actuators.held.FAILED)
        if self._kept is not None:
            try:
                self._kept.tick(uptime.ms())
            except MemoryError:
                gc.collect()
        return moving

    def _look(self, each, link):
        now = uptime.ms()
        each.lost = bool(each.link_ms) and now - link.proven > each.link_ms
        return each.tick(now)

    def _report(self, report):
        """Tell of what changed, as one record, and of why."""
        for each in self.all:
            if each.why is not each.told_why:
                if each.why:
                    log.warn("actuators", "made safe:", each.name + ":" + each.why)
                each.told_why = each.why
                self.held = tuple([other.name + ":" + other.why for other in self.all if other.why])
        for each in self.all:
            if each.changed:
                break
        else:
            return  # as nearly always, ten times a second: nothing is made for it
        if self._told_ms is not None and uptime.ms() - self._told_ms < _REPORT_MS:
            return
        changed = [each for each in self.all if each.changed]
        try:
            readings = [each.reading() for each in changed]
        except MemoryError:
            for each in changed:
                each.changed = True  # none was told
            raise
        self._told_ms = uptime.ms()
        report(readings)
