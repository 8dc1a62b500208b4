"""The buses that sensors hang on, made when the first sensor asks."""

from mote.sensors import SensorError


class Buses:
    """The buses of `settings`: `i2c` (sda, scl, freq_hz) and `onewire` (pin), each may be None."""

    def __init__(self, settings):
        self._i2c_pins = settings.i2c
        self._onewire_pin = settings.onewire
        self._i2c = None
        self._onewire = None

    def i2c(self):
        """Return the I2C bus; SensorError where the settings have none."""
        if self._i2c is None:
            pins = self._i2c_pins
            if pins is None:
                raise SensorError("no i2c in the settings")
            # The one class that every chip has: the ESP8266 has no I2C controller.
            from machine import Pin, SoftI2C

            self._i2c = SoftI2C(scl=Pin(pins.scl), sda=Pin(pins.sda), freq=pins.freq_hz)
        return self._i2c

    def onewire(self):
        """Return the 1-Wire bus; SensorError where the settings have none."""
        if self._onewire is None:
            if self._onewire_pin is None:
                raise SensorError("no onewire in the settings")
            from machine import Pin
            from onewire import OneWire

            self._onewire = OneWire(Pin(self._onewire_pin.pin))
        return self._onewire
