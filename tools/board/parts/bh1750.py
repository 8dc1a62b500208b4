"""ROHM BH1750FVI (data sheet 2010.04 rev. C): instructions, measuring times, the data register."""

from micropython import const
from time import ticks_diff, ticks_us

import _hardware
from parts._sensor import Sensor

_H_US = const(120000)  # typical; 180 ms at most
_L_US = const(16000)
_TYPICAL_MTREG = const(69)
_COUNTS_PER_LUX = 1.2


class Part(Sensor):
    """One BH1750."""

    KIND = "bh1750"

    def __init__(self, world, number, description):
        super().__init__(world, number)
        self.power_on()

    def power_on(self):
        """Be as after power-on: powered down, the register zero."""
        self._on = False
        self._mtreg = _TYPICAL_MTREG
        self._data = 0
        self._fresh = False
        self._next = None
        self._once = False
        self._instruction = 0
        self._busy_us = 0
        self._begun = 0

    def write(self, data):
        """Take an instruction; the part takes one a transaction."""
        if self._gone:
            return None
        self._settle()
        for byte in data[:1]:
            if byte == 0x00:
                self._on = False
                self._next = None
            elif byte == 0x01:
                self._on = True
            elif byte == 0x07:
                if self._on:  # not accepted in power down mode
                    self._data = 0
            elif byte >> 3 == 0x08:
                self._mtreg = self._mtreg & 0x1F | (byte & 7) << 5
            elif byte >> 5 == 0x03:
                self._mtreg = self._mtreg & 0xE0 | byte & 0x1F
            elif byte in (0x10, 0x11, 0x13, 0x20, 0x21, 0x23):
                self._instruction = byte
                self._once = byte >= 0x20
                self._on = True
                if not self._measure():
                    return None
        return min(len(data), 1)

    def read(self, buffer):
        """Give the data register, high byte first."""
        if self._gone:
            return False
        self._settle()
        if self._fresh:
            self._fresh = False
            _hardware.tally(self._data)
        for index in range(len(buffer)):
            buffer[index] = (self._data >> 8, self._data & 0xFF)[index] if index < 2 else 0xFF
        return True

    def _measure(self):
        values = self._feel()
        if values is None:
            return False
        low = self._instruction & 3 == 3
        counts = values[2] * _COUNTS_PER_LUX * self._mtreg / _TYPICAL_MTREG
        if self._instruction & 3 == 1:
            counts *= 2  # H-resolution mode 2 counts half lux
        counts = min(max(int(counts + 0.5), 0), 0xFFFF)
        self._next = counts & 0xFFFC if low else counts  # L-resolution: about 4 lx
        self._busy_us = (_L_US if low else _H_US) * self._mtreg // _TYPICAL_MTREG
        self._begun = ticks_us()
        return True

    def _settle(self):
        """Let time have its effect."""
        if self._next is not None and ticks_diff(ticks_us(), self._begun) >= self._busy_us:
            self._data, self._next = self._next, None
            self._fresh = True  # nobody has read it yet
            if self._once:
                self._on = False
            else:
                self._measure()
