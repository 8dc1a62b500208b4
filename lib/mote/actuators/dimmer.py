"""A lamp, a fan or a heater behind a transistor: pulse-width modulation on one pin."""

from machine import PWM, Pin

from mote.actuators import scale


class Dimmer:
    """A dimmer on `spec.pin` at `spec.freq_hz`; each change takes `spec.fade_ms`."""

    UNIT = "/"

    def __init__(self, spec):
        self._gamma = spec.gamma
        self._fade_ms = spec.fade_ms or 0
        self._safe = scale.percent(spec.safe)
        self._safe_duty = scale.duty(self._safe, self._gamma)
        self._from = self._to = self._at = self._safe  # percent
        self._begun = None  # ms; None until the first tick of a fade
        self._pwm = PWM(Pin(spec.pin), freq=spec.freq_hz or scale.DIMMER_HZ, duty_u16=self._safe_duty)

    take = staticmethod(scale.percent)

    def put(self, value):
        """Dim to `value` percent, or begin to."""
        if value == self._to != self._at:
            return  # it is on its way, and whoever says it again does not put it off
        self._from = self._at
        self._to = value
        self._begun = None
        if not self._fade_ms:
            self._set(value)

    def safe(self):
        """Go to the safe state at once."""
        self._pwm.duty_u16(self._safe_duty)
        self._from = self._to = self._at = self._safe

    def state(self):
        """Return the percent that the chip is set to."""
        return scale.brightness(self._pwm.duty_u16(), self._gamma)

    @staticmethod
    def reported(value):
        """Return `value` percent as a ratio (RFC 8428, 12.1: "/", of a switch that may be half on)."""
        return value / 100

    def tick(self, now_ms):
        """Go on with a fade; return whether it goes on after this."""
        if self._at == self._to:
            return False
        if self._begun is None:
            self._begun = now_ms
        passed = now_ms - self._begun
        if passed >= self._fade_ms:
            self._set(self._to)
            return False
        self._set(self._from + (self._to - self._from) * passed / self._fade_ms)
        return True

    def _set(self, value):
        self._at = value
        self._pwm.duty_u16(scale.duty(value, self._gamma))
