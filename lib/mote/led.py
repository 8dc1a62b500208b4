"""The status LED: on while the mote is not heard, off once it is; one that is heard in safe mode blinks."""


class Led:
    """An LED on `pin`; None for a board without one."""

    def __init__(self, pin):
        self._pin = None
        if pin is not None:
            from machine import Pin

            self._pin = Pin(pin, Pin.OUT, value=0)

    def on(self):
        """Light it."""
        if self._pin:
            self._pin.value(1)

    def toggle(self):
        """Light it, or put it out."""
        if self._pin:
            self._pin.value(1 - self._pin.value())

    def off(self):
        """Put it out."""
        if self._pin:
            self._pin.value(0)
