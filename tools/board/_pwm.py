"""`machine.PWM`."""

from micropython import const

import _hardware
from _pins import Pin

_FULL = const(65535)
_FULL_10_BITS = const(1023)
_HALF = const(32768)


class PWM:
    """Pulse-width modulation on a pin; what it drives goes to `<dir>/pins.json`."""

    def __init__(self, dest, freq=None, duty=None, duty_u16=None, duty_ns=None, invert=False):
        self._pin = dest if isinstance(dest, Pin) else Pin(dest)
        self._frequency_hz = 500 if _hardware.chip == "esp8266" else 5000
        self._duty = 0 if _hardware.chip == "esp8266" else _HALF
        self.init(freq, duty, duty_u16, duty_ns, invert)

    def init(self, freq=None, duty=None, duty_u16=None, duty_ns=None, invert=False):
        """Configure; what is left out stays as it is."""
        if freq is not None:
            self._set_frequency(freq)
        if duty is not None:
            duty_u16 = duty * _FULL // _FULL_10_BITS
        if duty_ns is not None:
            duty_u16 = duty_ns * self._frequency_hz * _FULL // 1000000000
        if duty_u16 is not None:
            self._duty = min(max(duty_u16, 0), _FULL)
        self._drive()

    def _set_frequency(self, hz):
        highest = 1000 if _hardware.chip == "esp8266" else 40000000
        if not (8 if _hardware.chip == "rp2040" else 1) <= hz <= highest:
            raise ValueError("frequency must be from 1Hz to 40MHz")
        self._frequency_hz = hz

    def _drive(self):
        _hardware.output(self._pin._number, {"freq": self._frequency_hz, "duty_u16": self._duty})

    def deinit(self):
        """Stop; the pin is low."""
        _hardware.output(self._pin._number, 0)

    def freq(self, hz=None):
        """Return the frequency in hertz, or set it."""
        if hz is None:
            return self._frequency_hz
        return self.init(freq=hz)

    def duty(self, duty=None):
        """Return the duty, 0 to 1023, or set it."""
        if duty is None:
            return self._duty * _FULL_10_BITS // _FULL
        return self.init(duty=duty)

    def duty_u16(self, duty=None):
        """Return the duty, 0 to 65535, or set it."""
        if duty is None:
            return self._duty
        return self.init(duty_u16=duty)

    def duty_ns(self, duty=None):
        """Return the pulse width in nanoseconds, or set it."""
        if duty is None:
            return self._duty * 1000000000 // (self._frequency_hz * _FULL)
        return self.init(duty_ns=duty)
