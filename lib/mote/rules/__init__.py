"""What drives an actuator with no broker: a sensor, or the time of day. One class a kind, imported only where used.

A rule has `wanted`, what the actuator should be at; None is its safe state, and what every rule begins with. One that
follows a sensor has `take(value, state)`, `state` being where the actuator is; one that follows the clock has
`at(wall)`. Who is obeyed: the safe state before a limit, a limit before a command, a command before the rule.
"""

from mote import const
from mote.actuators import ActuatorError

_KINDS = {"thermostat": "Thermostat", "light": "Light", "schedule": "Schedule"}
_STALE_PERIODS = const(3)
_STALE_MS = const(60000)
_AGAIN_MS = const(60000)  # an actuator that failed is tried again so late: a relay that sticks is not to be hammered


def stale_ms(spec, sample_ms):
    """Return for how long the rule of the settings `spec` believes its sensor's last word, in ms."""
    return spec.stale_s * 1000 if spec.stale_s else max(_STALE_PERIODS * sample_ms, _STALE_MS)


class Rules:
    """The rules of a mote, each with the actuator that it drives."""

    def __init__(self, specs, actuators, sample_ms, warn):
        """`specs` are those of the settings, `actuators` those that there are, by name.

        A reading is expected each `sample_ms`; `warn(*words)` is told why an actuator is in its safe state.
        """
        self._driven = [_Driven(spec, actuators[spec.actuator], sample_ms, warn) for spec in specs]

    def run(self, readings, now_ms, wall, held):
        """Look at the `readings` there are, at the time, and drive; call it with each sample and every second or so.

        `readings` are Readings, none between samples; `now_ms` is mote.uptime's; `wall` the seconds since 1970, or
        None where the time is not known; `held` the names of the actuators that a command holds.
        """
        for each in self._driven:
            each.run(readings, now_ms, wall, held)


class _Driven:
    """One rule and its actuator."""

    def __init__(self, spec, actuator, sample_ms, warn):
        module = __import__("mote.rules." + spec.kind, None, None, (_KINDS[spec.kind],))
        self._rule = getattr(module, _KINDS[spec.kind])(spec)
        self._actuator = actuator
        self._sensor = None if spec.kind == "schedule" else spec.sensor
        self._stale_ms = stale_ms(spec, sample_ms) if self._sensor else 0
        self._fed = None  # when its sensor spoke last
        self._failed = None  # when the actuator did, and why
        self._warn = warn
        self._told = None

    def run(self, readings, now_ms, wall, held):
        why = None
        if self._sensor:
            why = self._feel(readings, now_ms)
        else:
            self._rule.at(wall)
            if wall is None:
                why = "the time is not known"
        if self._actuator.name not in held:
            why = self._drive(self._rule.wanted, now_ms) or why
        if why and why != self._told:
            self._warn("rules", self._actuator.name + ":", why)
        self._told = why

    def _feel(self, readings, now_ms):
        """Take what the sensor says; return why not where it has said nothing for too long."""
        for reading in readings:
            if reading.name == self._sensor:
                self._fed = now_ms
                self._rule.take(reading.value, self._actuator.state())
                return None
        if self._fed is None:
            self._fed = now_ms  # the sensor has had no time to speak
        if now_ms - self._fed <= self._stale_ms:
            return None
        self._rule.wanted = None
        return self._sensor + " says nothing"

    def _drive(self, wanted, now_ms):
        """Drive the actuator; return why not where it failed."""
        if wanted is None:
            self._failed = None
            if not self._actuator.is_safe():  # a command may have come and gone since the last turn
                self._actuator.safe()
            return None
        if self._failed and self._actuator.is_safe() and now_ms - self._failed[0] < _AGAIN_MS:
            return self._failed[1]
        self._failed = None
        try:
            self._actuator.drive(wanted)
        except ActuatorError as error:
            self._failed = (now_ms, str(error))
            return self._failed[1]
        return None
