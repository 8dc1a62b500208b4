"""A relay, or anything else that is on or off: one pin, high is on."""

from machine import Pin

from mote.actuators import ActuatorError


class Relay:
    """A relay on `spec.pin`."""

    def __init__(self, spec):
        self.name = spec.name
        self._safe = _level(spec.safe)
        # The level is set before the pin is an output, so that the relay does not click.
        self._pin = Pin(spec.pin, Pin.OUT, value=self._safe)

    def set(self, value):
        """Switch to `value` (True, False, 1 or 0); return the pin's level, 1 or 0."""
        self._pin.value(_level(value))
        return self.state()

    def safe(self):
        """Go to the safe state; return the level."""
        return self.set(self._safe)

    def state(self):
        """Return the pin's level, 1 or 0."""
        return self._pin.value()


def _level(value):
    if isinstance(value, (bool, int, float)) and value in (0, 1):
        return int(value)
    raise ActuatorError("a relay takes on or off")
