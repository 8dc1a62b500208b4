"""A lamp, a fan or a heater behind a transistor: pulse-width modulation on one pin."""

from machine import PWM, Pin
from mote import const

from mote.actuators import ActuatorError

_FULL = const(65535)


class Dimmer:
    """A dimmer on `spec.pin` at `spec.freq_hz`."""

    def __init__(self, spec):
        self.name = spec.name
        self._safe = spec.safe
        self._pwm = PWM(Pin(spec.pin), freq=spec.freq_hz, duty_u16=_duty(spec.safe))

    def set(self, value):
        """Dim to `value` percent, 0 to 100; return the percent that the chip is set to."""
        self._pwm.duty_u16(_duty(value))
        return self.state()

    def safe(self):
        """Go to the safe state; return the percent."""
        return self.set(self._safe)

    def state(self):
        """Return the percent that the chip is set to, rounded to a tenth: chips have 10 bits or more."""
        return round(self._pwm.duty_u16() * 100 / _FULL, 1)


def _duty(value):
    # A bool is no brightness, and a NaN fails both comparisons.
    if value is True or value is False or not isinstance(value, (int, float)) or not 0 <= value <= 100:
        raise ActuatorError("a dimmer takes 0 to 100 percent")
    return int(value * _FULL / 100 + 0.5)
