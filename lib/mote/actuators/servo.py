"""A servo: a pulse every 20 ms whose length is the angle. Nothing is heard from it: the state is what it was told."""

from math import pi

from machine import PWM, Pin

from mote.actuators import scale


class Servo:
    """A servo on `spec.pin`, with pulses from `spec.min_us` to `spec.max_us`."""

    UNIT = "rad"

    def __init__(self, spec):
        self._min_us = spec.min_us
        self._max_us = spec.max_us
        self._safe = self._at = scale.degrees(spec.safe)
        self._safe_duty = scale.pulse(self._safe, self._min_us, self._max_us)
        self._pwm = PWM(Pin(spec.pin), freq=scale.SERVO_HZ, duty_u16=self._safe_duty)

    take = staticmethod(scale.degrees)

    def put(self, value):
        """Turn to `value` degrees."""
        self._pwm.duty_u16(scale.pulse(value, self._min_us, self._max_us))
        self._at = value

    def safe(self):
        """Turn to the safe angle."""
        self._pwm.duty_u16(self._safe_duty)
        self._at = self._safe

    def state(self):
        """Return the angle that it was told, in degrees."""
        return self._at

    @staticmethod
    def reported(value):
        """Return `value` degrees in radians, which SenML has a name for (RFC 8428, 12.1)."""
        return value * pi / 180

    def tick(self, now_ms):
        """Nothing here takes time that could be measured."""
        return False
