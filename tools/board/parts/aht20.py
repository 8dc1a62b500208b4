"""Aosong AHT20 (data sheet, version 1.1): status, calibration, the measurement with its checksum."""

from micropython import const

from parts._twowire import TwoWire, clipped, crc8, fill

_MEASURE_US = const(75000)  # 80 ms is what a driver waits (5.4)
_BUSY = const(0x80)
_CALIBRATED = const(0x18)


class Part(TwoWire):
    """One AHT20. With the fault "chip_id" it never has its calibration."""

    KIND = "aht20"

    def power_on(self):
        """Be as after power-on: idle, not calibrated, nothing measured."""
        super().power_on()
        self._status = 0
        self._data = bytes(5)

    def _take(self, data):
        if data[:1] == b"\xba":
            self.power_on()
        elif data[:1] == b"\xbe" and len(data) == 3:
            self._status = 0 if self.fault == "chip_id" else _CALIBRATED
        elif data[:1] == b"\xac" and len(data) == 3:
            self._measure(_MEASURE_US)
        return len(data)

    def _give(self, buffer):
        data = bytes((self._status | (_BUSY if self._next is not None else 0),)) + self._data
        fill(buffer, data + bytes((crc8(data) ^ (4 if self.fault == "crc" else 0),)))

    def _raw(self, values):
        return (
            clipped(values[1] * 1048576 / 100, 0, 0xFFFFF),
            clipped((values[0] + 50) * 1048576 / 200, 0, 0xFFFFF),
        )

    def _measured(self, raw):
        self._data = (raw[0] << 20 | raw[1]).to_bytes(5, "big")
