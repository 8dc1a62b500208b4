"""Bosch BME280 (data sheet BST-BME280-DS002): registers, modes, measuring times, raw values.

The raw values are the data sheet's floating-point formulas (8.1) solved backwards, so that a driver
that compensates gets the world's values back to the part's resolution. The calibration words are
the example of the data sheet's sister part for temperature and pressure, typical ones for humidity.
"""

import struct
from math import sqrt

from micropython import const
from time import ticks_diff, ticks_us

from parts._sensor import Sensor

_T1, _T2, _T3 = 27504, 26435, -1000
_P1, _P2, _P3, _P4, _P5, _P6, _P7, _P8, _P9 = 36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000
_H1, _H2, _H3, _H4, _H5, _H6 = 75, 370, 0, 313, 50, 30

_CALIBRATION = 0x88
_CALIBRATION_H = 0xE1
_CHIP_ID = const(0xD0)
_RESET = const(0xE0)
_CTRL_HUM = const(0xF2)
_STATUS = const(0xF3)
_CTRL_MEAS = const(0xF4)
_CONFIG = const(0xF5)
_DATA = const(0xF7)
_RESET_WORD = const(0xB6)
_START_UP_US = const(2000)


class Part(Sensor):
    """One BME280."""

    KIND = "bme280"
    _IDS = (0x60, 0x58)  # its own, and that of another part

    def __init__(self, world, number, description):
        super().__init__(world, number)
        low = struct.pack("<HhhHhhhhhhhhBB", _T1, _T2, _T3, _P1, _P2, _P3, _P4, _P5, _P6, _P7, _P8, _P9, 0, _H1)
        # H4 and H5 are twelve bits each and share the byte 0xE5.
        high = struct.pack("<hBBBBb", _H2, _H3, _H4 >> 4, _H4 & 15 | (_H5 & 15) << 4, _H5 >> 4, _H6)
        self._words = ((_CALIBRATION, low), (_CALIBRATION_H, high))
        self.power_on()

    def power_on(self):
        """Be as after power-on: asleep, nothing measured."""
        self._pointer = 0
        self._ctrl_hum = self._ctrl_meas = self._config = 0
        self._oversampling_h = 0  # takes effect when ctrl_meas is written (5.4.3)
        self._data = b"\x80\x00\x00\x80\x00\x00\x80\x00"
        self._next = None  # what is being measured
        self._busy_us = _START_UP_US
        self._begun = ticks_us()

    def write(self, data):
        """Take register addresses and values by turns (6.2.1)."""
        if self._gone:
            return None
        self._settle()
        if data:
            self._pointer = data[0]
        for index in range(0, len(data) - 1, 2):
            if not self._set(data[index], data[index + 1]):
                return None
        return len(data)

    def read(self, buffer):
        """Give registers from the pointer on (6.2.2)."""
        if self._gone:
            return False
        self._settle()
        for index in range(len(buffer)):
            buffer[index] = self._get(self._pointer)
            self._pointer = self._pointer + 1 & 0xFF
        return True

    def _set(self, register, value):
        if register == _RESET and value == _RESET_WORD:
            self.power_on()
        elif register == _CTRL_HUM:
            self._ctrl_hum = value & 7
        elif register == _CONFIG:
            self._config = value
        elif register == _CTRL_MEAS:
            self._ctrl_meas = value
            self._oversampling_h = self._ctrl_hum
            if value & 3:
                return self._measure()
        return True

    def _get(self, register):
        for first, data in self._words:
            if first <= register < first + len(data):
                return data[register - first]
        if _DATA <= register < _DATA + 8:
            return self._data[register - _DATA]
        if register == _CHIP_ID:
            return self._IDS[1 if self.fault == "chip_id" else 0]
        if register == _STATUS:
            measuring = 8 if self._next else 0
            return measuring | (1 if self._busy_us == _START_UP_US else 0)
        if register == _CTRL_MEAS:
            return self._ctrl_meas
        if register == _CTRL_HUM:
            return self._ctrl_hum
        return self._config if register == _CONFIG else 0

    def _measure(self):
        """Begin a measurement; False where the world has ended."""
        values = self._feel()
        if values is None:
            return False
        turns = tuple(
            1 << (code - 1 if code < 5 else 4) if code else 0
            for code in (self._ctrl_meas >> 5, self._ctrl_meas >> 2 & 7, self._oversampling_h)
        )
        # Typical measuring time (9.1).
        self._busy_us = 1000 + 2000 * turns[0]
        for turn in turns[1:]:
            self._busy_us += 2000 * turn + 500 if turn else 0
        self._begun = ticks_us()
        if self.fault == "brownout":
            self.power_on()
            return True
        self._next = _raw(values[0], values[1], values[3], turns)
        return True

    def _settle(self):
        """Let time have its effect."""
        if self.fault != "busy" and self._busy_us and ticks_diff(ticks_us(), self._begun) >= self._busy_us:
            self._busy_us = 0
            if self._next:
                self._data, self._next = self._next, None
                if self._ctrl_meas & 3 == 3:
                    self._measure()  # normal mode goes on by itself; its standby time is not modelled
                else:
                    self._ctrl_meas &= 0xFC


def _raw(temperature, humidity, pressure, turns):
    """Return the eight data registers for degrees Celsius, percent and pascal."""
    temperature = min(max(temperature, -40.0), 85.0)
    humidity = min(max(humidity, 0.0), 100.0)
    pressure = min(max(pressure, 30000.0), 110000.0)
    raw_t = _grain(_raw_temperature(temperature), turns[0])
    t = _fine(raw_t)
    raw_p = _grain(_raw_pressure(pressure, t), turns[1])
    raw_h = min(max(int(_raw_humidity(humidity, t) + 0.5), 0), 0xFFFF) if turns[2] else 0x8000
    return bytes(
        (
            raw_p >> 12,
            raw_p >> 4 & 0xFF,
            raw_p << 4 & 0xF0,
            raw_t >> 12,
            raw_t >> 4 & 0xFF,
            raw_t << 4 & 0xF0,
            raw_h >> 8,
            raw_h & 0xFF,
        )
    )


def _grain(raw, turns):
    """Round to what the oversampling resolves: 16 bits of 20, one more with each doubling (3.4)."""
    if not turns:
        return 0x80000
    step = 16 // turns if turns < 16 else 1
    return min(max(int(raw / step + 0.5) * step, 0), 0xFFFFF)


def _raw_temperature(celsius):
    a = _T3 / 64
    x = (sqrt(_T2 * _T2 + 4 * a * celsius * 5120) - _T2) / (2 * a)
    return (x + _T1 / 1024) * 16384


def _fine(raw_t):
    x = raw_t / 16384 - _T1 / 1024
    return x * _T2 + x * x * _T3 / 64


def _raw_pressure(pascal, t):
    x = t / 2 - 64000
    y = (x * x * _P6 / 32768 + x * _P5 * 2) / 4 + _P4 * 65536
    x = (1 + (_P3 * x * x / 524288 + _P2 * x) / 524288 / 32768) * _P1
    # The last step is a quadratic in p.
    a = _P9 / 2147483648 / 16
    b = 1 + _P8 / 32768 / 16
    p = (sqrt(b * b - 4 * a * (_P7 / 16 - pascal)) - b) / (2 * a)
    return 1048576 - p * x / 6250 - y / 4096


def _raw_humidity(percent, t):
    h = t - 76800
    a = _H1 / 524288
    y = (1 - sqrt(1 - 4 * a * percent)) / (2 * a)
    slope = _H2 / 65536 * (1 + _H6 / 67108864 * h * (1 + _H3 / 67108864 * h))
    return y / slope + _H4 * 64 + _H5 / 16384 * h
