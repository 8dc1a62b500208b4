"""A relay, or anything else that is on or off: one pin, high is on unless the settings say `low`.

With `sense` a second pin hears from the relay itself: a contact that connects it to ground while the relay is on. The
state is then what that contact says.
"""

import time

from machine import Pin
from mote import const

from mote.actuators import ActuatorError, scale

_SETTLE_MS = const(50)  # a relay takes 5 to 20 ms; the loop waits for it


class Relay:
    """A relay on `spec.pin`."""

    UNIT = None

    def __init__(self, spec):
        self._low = 1 if spec.low else 0
        self._safe = scale.on_or_off(spec.safe)
        self._sense = None
        self.hears = spec.sense is not None
        if self.hears:
            self._sense = Pin(spec.sense, Pin.IN, Pin.PULL_UP)
        # The level is set before the pin is an output, so that the relay does not click.
        self._pin = Pin(spec.pin, Pin.OUT, value=self._safe ^ self._low)

    take = staticmethod(scale.on_or_off)

    def put(self, value):
        """Switch to 1 or 0. Raises ActuatorError where the contact does not follow."""
        self._pin.value(value ^ self._low)
        if self._sense is not None:
            for _ in range(_SETTLE_MS):
                if self.state() == value:
                    return
                time.sleep_ms(1)
            raise ActuatorError("it does not follow: its contact says " + ("off" if value else "on"))

    def safe(self):
        """Switch to the safe state; what the contact says is not waited for."""
        self._pin.value(self._safe ^ self._low)

    def state(self):
        """Return 1 or 0: what the contact says, or where there is none the pin."""
        if self._sense is not None:
            return 1 - self._sense.value()
        return self._pin.value() ^ self._low

    @staticmethod
    def reported(value):
        """Return 1 or 0 as True or False."""
        return bool(value)

    def tick(self, now_ms):
        """Nothing here takes time."""
        return False
