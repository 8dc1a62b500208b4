"""`machine.ADC`."""

import _hardware
from _pins import Pin
from micropython import const

_ANALOG_FULL = const(65535)


class ADC:
    """One analog input; its level is board.json's `adc` (0 to 65535 by pin), or zero."""

    ATTN_0DB, ATTN_2_5DB, ATTN_6DB, ATTN_11DB = 0, 1, 2, 3
    WIDTH_9BIT, WIDTH_10BIT, WIDTH_11BIT, WIDTH_12BIT = 9, 10, 11, 12

    def __init__(self, pin, atten=None, bits=12):
        self._name = str(pin._number if isinstance(pin, Pin) else pin)
        self._bits = bits

    def read_u16(self):
        """Return the level, 0 to 65535."""
        return min(max(_hardware.config.get("adc", {}).get(self._name, 0), 0), _ANALOG_FULL)

    def read(self):
        """Return the level in as many bits as the converter has."""
        return self.read_u16() >> (16 - (10 if _hardware.chip == "esp8266" else self._bits))

    def read_uv(self):
        """Return microvolts."""
        return self.read_u16() * 3300000 // _ANALOG_FULL

    def atten(self, attenuation):
        """Take the range; it changes nothing here."""

    def width(self, bits):
        """Set the number of bits that `read` gives."""
        self._bits = bits
