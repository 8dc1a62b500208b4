"""The buses that sensors hang on.

`SoftI2C` waits for its clock line but never looks at its data line before it writes. Where something
holds that low, every address seems to acknowledge and every byte reads as 0, which some parts cannot be
told from a measurement. So the data line is looked at here each time.
"""

from mote import const
from mote.sensors import SensorError

_CLOCKS = const(9)  # what is left of a byte, and its acknowledgement
_HALF_US = const(10)


class Buses:
    """The buses of `settings`: `i2c` (sda, scl, freq_hz) and `onewire` (pin), each may be None.

    Raises ValueError for pins that this chip does not have, or cannot use so.
    """

    def __init__(self, settings):
        from machine import Pin

        self._i2c = self._onewire = None
        pins = settings.i2c
        if pins is not None:
            # The one class that every chip has: the ESP8266 has no I2C controller.
            from machine import SoftI2C

            self._scl = Pin(pins.scl)
            self._sda = Pin(pins.sda)
            self._i2c = SoftI2C(scl=self._scl, sda=self._sda, freq=pins.freq_hz)
        if settings.onewire is not None:
            from onewire import OneWire

            self._onewire = OneWire(Pin(settings.onewire.pin))

    def i2c(self):
        """Return the I2C bus; SensorError where the settings have none, or its data line is held low."""
        if self._i2c is None:
            raise SensorError("no i2c in the settings")
        # Where the clock is low too, the bus has no pull-ups, and using it times out.
        if not self._sda.value() and self._scl.value():
            self._clear()
        return self._i2c

    def _clear(self):
        """Clock a part that lost step to the end of its byte (UM10204, 3.1.16), then stop it."""
        from time import sleep_us

        for _ in range(_CLOCKS):
            for level in (0, 1):
                self._scl.value(level)
                sleep_us(_HALF_US)
            if self._sda.value():
                break
        else:
            raise SensorError("the I2C data line is held low")
        for pin, level in ((self._scl, 0), (self._sda, 0), (self._scl, 1), (self._sda, 1)):
            pin.value(level)
            sleep_us(_HALF_US)

    def onewire(self):
        """Return the 1-Wire bus; SensorError where the settings have none, or the wire is held low.

        A search on such a wire takes seconds and finds 255 parts.
        """
        if self._onewire is None:
            raise SensorError("no onewire in the settings")
        self._onewire.pin.value(1)  # let go, whatever it was before its first use
        if not self._onewire.pin.value():
            raise SensorError("the 1-Wire line is held low")
        return self._onewire
