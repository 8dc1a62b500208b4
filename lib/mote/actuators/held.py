"""An actuator held to the limits of its settings: safe first, then the limits, then whoever sets it.

It goes to its safe state when the broker was not heard of for `link_s`, `longest_s` after it left it, when something
fails, and whenever it is told to; nothing puts off a switch to the safe state. Any other switch is `interval_ms` after
the last at least, and after the start, since nobody knows what was before it. What is read back decides: the state
that it answers and reports is that of the hardware.
"""

from mote import record, uptime
from mote.actuators import ActuatorError

# Why it is in its safe state though it was told otherwise.
LINK = "link"  # the broker was not heard of for too long
LIMIT = "limit"  # longest_s was over
FAILED = "failed"  # it could not be set, or did not follow


class Held:
    """The actuator `name`. `why` is one of the above, or None; `changed` is set when its state is another than before.

    `driver` is of a kind (see mote.actuators), in its safe state. `lost` and `told_why` are for who watches over it.
    """

    def __init__(self, spec, driver, link_ms=0, ms=None, kept=None):
        self.name = spec.name
        self.link_ms = link_ms
        self.why = self.told_why = None
        self.changed = False
        self.lost = False
        self._driver = driver
        self._ms = ms or uptime.ms
        self._kept = kept
        self._safe = self._asked = driver.take(spec.safe)
        self._longest_ms = (spec.longest_s or 0) * 1000
        self._interval_ms = spec.interval_ms or 0
        self._switched = self._ms()
        self._left = None  # when it left the safe state
        self._wanted = None  # what a rule wants as soon as it may
        self._barred = False  # for rules, since the limit ended it: until they want the safe state
        self._hears = getattr(driver, "hears", False)
        # A contact that says something else than the safe state at the start is told: it may be welded.
        self._told = self._safe if self._hears else driver.state()
        self._look = False  # whether the state may be another than before

    def set(self, value, lasts=True):
        """Obey a command: go to `value`; return the state that is. Raises ActuatorError with the reason where not.

        What does not last, since it holds for a time alone, is not kept over a start.
        """
        value = self._driver.take(value)
        now = self._ms()
        if value != self._safe:
            if self.lost:
                raise ActuatorError("the link is lost")
            left_ms = self._wait_ms(value, now)
            if left_ms > 0:
                raise ActuatorError("too soon after the last switch: again in %d ms" % left_ms)
        self._barred = False
        return self._go(value, now, lasts)

    def drive(self, value):
        """Go to `value`, or when `interval_ms` is over, as a rule wants it; return the state that is.

        After the limit ended what it wanted, a rule has to want the safe state before it gets anything else; while
        the link is lost it gets nothing else either. Raises ActuatorError where it fails.
        """
        value = self._driver.take(value)
        if value == self._safe:
            self._barred = False
        elif self._barred or self.lost:
            self._wanted = None
            return self.state()
        if value == self._asked:
            self._wanted = None
            return self.state()
        now = self._ms()
        if value != self._safe and self._wait_ms(value, now) > 0:
            self._wanted = value
            return self.state()
        return self._go(value, now)

    def safe(self, why=None):
        """Go to the safe state, whatever else is. Never raises; the pin is switched without any memory."""
        self._look = True
        self._wanted = None
        self.why = why
        try:
            self._driver.safe()
        except Exception:
            self.why = FAILED  # there is nothing else that could be done, and others are to follow
        self._left = None
        if self._asked != self._safe:
            self._asked = self._safe
            try:
                self._switched = self._ms()
            except MemoryError:
                pass  # the milliseconds of two weeks take memory; others are to be made safe after this one
        if self._kept is not None:
            self._kept.put(self.name, None)

    def is_safe(self):
        """Return whether the safe state is what it was told last, with nothing else put off."""
        return self._asked == self._safe and self._wanted is None

    def state(self):
        """Return the state that is: 1 or 0, percent, degrees or hertz, by its kind."""
        return self._driver.state()

    def reading(self):
        """Return the state as a Reading for a record, in its unit of SenML; it is not `changed` after this."""
        self.changed = False
        self._told = self.state()
        return record.Reading(self.name, self._driver.UNIT, self._driver.reported(self._told), None)

    def tick(self, now_ms):
        """See to the limits, and go on with what takes time; return whether it is in motion. Call it often.

        At rest it takes no memory, and where a limit is over the switch to the safe state takes none.
        """
        if self.lost and not self.is_safe():
            self.safe(LINK)
        if self._left is not None and self._longest_ms and now_ms - self._left >= self._longest_ms:
            self._barred = True
            self.safe(LIMIT)
        if self._wanted is not None and self._wait_ms(self._wanted, now_ms) <= 0:
            try:
                self._go(self._wanted, now_ms)
            except ActuatorError:
                pass  # it is safe now, and `why` says it
        if self._driver.tick(now_ms):
            self._look = True
            return True
        if self._asked == self._safe:
            self._left = None  # not before it is at rest there: what fades is still on, and the limit runs
        if self._look or self._hears:
            if self.state() != self._told:
                self.changed = True
            self._look = False
        return False

    def restore(self):
        """Go where it was kept, as a rule would; nothing where nothing is kept, or nothing that it takes."""
        value = None if self._kept is None else self._kept.get(self.name)
        if value is not None:
            try:
                self.drive(value)
            except ActuatorError:
                self._kept.put(self.name, None)

    def _wait_ms(self, value, now):
        """Return for how long a switch to `value` has to wait; 0 or less where it may be now."""
        return 0 if value == self._asked else self._interval_ms - (now - self._switched)

    def _go(self, value, now, lasts=True):
        """Go to `value`; return the state that is. Raises ActuatorError, in the safe state."""
        self._wanted = self.why = None
        self._look = True
        # Counted before it is done: whatever interrupts this, the limit runs.
        if value != self._asked:
            self._switched = now
        if value != self._safe and self._left is None:
            self._left = now
        self._asked = value
        try:
            self._driver.put(value)
        except ActuatorError:
            self.safe(FAILED)
            raise
        except (ValueError, OSError):
            self.safe(FAILED)
            raise ActuatorError("this chip cannot do it")
        except Exception:
            self.safe(FAILED)
            raise ActuatorError("it failed")
        if self._kept is not None:
            self._kept.put(self.name, value if lasts and value != self._safe else None)
        return self.state()
