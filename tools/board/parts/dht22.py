"""Aosong AM2302 (data sheet): one wire, forty bits; each transfer gives what the one before it had measured."""

from micropython import const
from time import ticks_diff, ticks_ms

from parts._sensor import Sensor

_APART_MS = const(1900)  # "more than two seconds", less what a clock may be wrong


class Part(Sensor):
    """One DHT22."""

    KIND = "dht22"

    def __init__(self, world, number, description):
        super().__init__(world, number)
        self.power_on()

    def power_on(self):
        """Be as after power-on: nothing measured."""
        self._humidity = self._temperature = 0
        self._begun = None

    def transfer(self, buffer):
        """Fill the five bytes of `buffer`; False where nothing answers, as it does within two seconds."""
        if self._begun is not None and ticks_diff(ticks_ms(), self._begun) < _APART_MS:
            return False
        if self.fault == "brownout":
            self.power_on()
        for index, word in enumerate((self._humidity, self._temperature)):
            buffer[2 * index] = word >> 8
            buffer[2 * index + 1] = word & 0xFF
        buffer[4] = sum(buffer[:4]) + (1 if self.fault == "crc" else 0) & 0xFF
        values = self._feel()
        if values is None:
            return False
        self._begun = ticks_ms()
        self._humidity = int(min(max(values[1], 0.0), 100.0) * 10 + 0.5)
        tenths = int(min(abs(values[0]), 125.0) * 10 + 0.5)
        self._temperature = tenths | (0x8000 if values[0] < 0 else 0)  # sign and magnitude
        return True
