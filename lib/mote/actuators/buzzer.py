"""A passive buzzer: a square wave whose frequency is the value, or the one of the settings, on or off."""

from machine import PWM, Pin
from mote import const

from mote.actuators import scale

_QUIET_HZ = const(1000)  # of a wave that is off


class Buzzer:
    """A buzzer on `spec.pin`; it takes on or off where the settings give it `spec.freq_hz`, else Hz, 0 for off."""

    def __init__(self, spec):
        self._freq_hz = spec.freq_hz
        self._take = scale.on_or_off if spec.freq_hz else scale.hertz
        self.UNIT = None if spec.freq_hz else "Hz"
        self._at = self._safe = self._take(spec.safe)
        self._pwm = PWM(Pin(spec.pin), freq=self._hertz(self._safe), duty_u16=scale.HALF if self._safe else 0)

    def take(self, value):
        """Return `value` in hertz, or 1 or 0."""
        return self._take(value)

    def put(self, value):
        """Sound, or be silent. Raises ValueError for a frequency that the chip cannot make."""
        if value:
            self._pwm.freq(self._hertz(value))
        self._pwm.duty_u16(scale.HALF if value else 0)
        self._at = value

    def safe(self):
        """Go to the safe state."""
        self.put(self._safe)

    def state(self):
        """Return what it sounds with: hertz, or 1 or 0."""
        return self._at

    def reported(self, value):
        """Return hertz as they are, on and off as True and False."""
        return bool(value) if self._freq_hz else value

    def tick(self, now_ms):
        """Nothing here takes time."""
        return False

    def _hertz(self, value):
        return self._freq_hz or value or _QUIET_HZ
