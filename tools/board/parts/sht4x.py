"""Sensirion SHT4x (data sheet, version 6): commands of one byte, a serial number, checksums."""

from micropython import const

from parts import sht3x

_TYPICAL_US = const(6900)  # high precision; 8.3 ms at most (table 5)


class Part(sht3x.Part):
    """One SHT4x."""

    KIND = "sht4x"

    def _take(self, data):
        if self.fault == "chip_id" or self._next is not None or len(data) != 1:
            return 0
        self._answer = None
        if data[0] == 0xFD:
            self._measure(_TYPICAL_US)
        elif data[0] == 0x94:
            self.power_on()
        elif data[0] == 0x89:
            self._answer = self._words(0x0F5A, 0xC3E1)
        else:
            return 0
        return 1

    def _raw_humidity(self, percent):
        return (percent + 6) * 65535 / 125
