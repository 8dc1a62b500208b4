"""`machine.ADC`: what an analog pin sees, as the chip's converter has it.

The ESP32's reads nothing below its range, and its calibrated voltage begins there; the ESP8266 has one
channel of 10 bits, whose module divides 3.3 V down to the 1 V that the chip takes; the RP2040's has 12 bits of 3.3 V
and no calibration.
"""

import _hardware
from _pins import Pin
from micropython import const

_FULL = const(65535)
_ESP8266 = _hardware.chip == "esp8266"
_RP2040 = _hardware.chip == "rp2040"
_SUPPLY_MV = const(3300)
_RANGES_MV = (950, 1250, 1750, 3100)  # by attenuation: where the converter is full
_LOWEST_MV = (100, 100, 150, 142)


class ADC:
    """One analog input; nothing on its pin is zero volts."""

    if not _ESP8266 and not _RP2040:
        ATTN_0DB, ATTN_2_5DB, ATTN_6DB, ATTN_11DB = 0, 1, 2, 3
        WIDTH_9BIT, WIDTH_10BIT, WIDTH_11BIT, WIDTH_12BIT = 9, 10, 11, 12

    def __init__(self, pin, **options):
        if _ESP8266:
            if pin != 0:
                raise ValueError("not a valid ADC Channel: %d" % pin)
            self._number = 0
            self._range = 0
        elif _RP2040:
            self._number = pin if isinstance(pin, int) else pin._number
            if not _hardware.has("adc", self._number):
                raise ValueError("Pin doesn't have ADC capabilities")
        else:
            if not isinstance(pin, Pin):
                raise ValueError("expecting a pin")
            self._number = pin._number
            self._range = options.get("atten", 0)
            if not _hardware.has("adc", self._number) and not _hardware.has("adc_without_wifi", self._number):
                raise ValueError("invalid pin")

    def _mv(self):
        for part in _hardware.parts(self._number):
            return part.volts() * 1000
        return 0

    def _counts(self):
        """Return what the converter counts, and of how many."""
        if _ESP8266:
            return min(max(int(self._mv() * 1023 / _SUPPLY_MV + 0.5), 0), 1023), 1023
        if _RP2040:
            return min(max(int(self._mv() * 4095 / _SUPPLY_MV + 0.5), 0), 4095), 4095
        if _hardware.has("adc_without_wifi", self._number):
            raise OSError(110)
        low, full = _LOWEST_MV[self._range], _RANGES_MV[self._range]
        return min(max(int((self._mv() - low) * 4095 / (full - low) + 0.5), 0), 4095), 4095

    def read_u16(self):
        """Return the level, 0 to 65535."""
        counts, full = self._counts()
        return counts * _FULL // full

    if not _RP2040:

        def read(self):
            """Return what the converter counts."""
            return self._counts()[0]

    if not _ESP8266 and not _RP2040:

        def read_uv(self):
            """Return microvolts, calibrated, in whole millivolts."""
            counts, full = self._counts()
            low = _LOWEST_MV[self._range]
            return (low + counts * (_RANGES_MV[self._range] - low) // full) * 1000

        def atten(self, attenuation):
            """Take the range."""
            self._range = attenuation

        def width(self, bits):
            """Do nothing: here all have 12 bits."""
