"""Sensirion SHT3x-DIS (data sheet, version 7): 16-bit commands, single shots, status, checksums."""

from micropython import const

from parts._twowire import TwoWire, clipped, crc8, fill

_TYPICAL_US = const(12500)  # high repeatability; 15 ms at most (table 4)
_RESET_STATUS = const(0x8010)  # an alert is pending, and there was a reset (table 18)


class Part(TwoWire):
    """One SHT3x."""

    KIND = "sht3x"

    def power_on(self):
        """Be as after power-on: idle, the reset on record."""
        super().power_on()
        self._status = _RESET_STATUS
        self._answer = None  # what the next read gives

    def _take(self, data):
        if self.fault == "chip_id":
            return 0
        self._answer = None
        if self._next is not None:
            return 0  # a measurement is under way
        order = data[0] << 8 | data[1] if len(data) == 2 else None
        if order == 0x2400:
            self._measure(_TYPICAL_US)
        elif order == 0x30A2:
            self.power_on()
        elif order == 0x3041:
            self._status &= 0x7FEF
        elif order == 0xF32D:
            self._answer = self._words(self._status)
        else:
            return 1
        return 2

    def _give(self, buffer):
        if self._answer is None:
            return False
        fill(buffer, self._answer)
        self._answer = None
        return True

    def _words(self, *words):
        data = b""
        for word in words:
            pair = bytes((word >> 8, word & 0xFF))
            data += pair + bytes((crc8(pair) ^ (1 if self.fault == "crc" else 0),))
        return data

    def _raw(self, values):
        return (
            clipped((values[0] + 45) * 65535 / 175, 0, 65535),
            clipped(self._raw_humidity(values[1]), 0, 65535),
        )

    def _raw_humidity(self, percent):
        return percent * 655.35

    def _measured(self, raw):
        self._answer = self._words(*raw)
