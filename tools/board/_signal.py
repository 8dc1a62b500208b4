"""`machine.Signal`."""

from _pins import Pin


class Signal:
    """A pin with its sense: `invert` makes on the low level."""

    def __init__(self, pin, *args, invert=False, **options):
        self._pin = pin if isinstance(pin, Pin) else Pin(pin, *args, **options)
        self._invert = 1 if invert else 0

    def value(self, value=None):
        """Return whether it is on, or set it."""
        if value is None:
            return self._pin.value() ^ self._invert
        return self._pin.value((1 if value else 0) ^ self._invert)

    __call__ = value

    def on(self):
        """Set it active."""
        self.value(1)

    def off(self):
        """Set it inactive."""
        self.value(0)
