"""ams TSL2591 (data sheet v1-03): registers behind a command byte, two channels, gain and time, saturation.

Three tenths of what the first channel sees is infrared, as in daylight through a window.
"""

from micropython import const

from parts._twowire import TwoWire, clipped

_STEP_US = const(100000)
_GAINS = (1, 25, 428, 9876)
_FULL_OF_100_MS = const(36863)
_INFRARED = 0.3


class Part(TwoWire):
    """One TSL2591."""

    KIND = "tsl2591"

    def power_on(self):
        """Be as after power-on: everything off and zero."""
        super().power_on()
        self._pointer = 0
        self._enable = self._control = 0
        self._valid = 0
        self._data = bytes(4)

    def _take(self, data):
        if data and data[0] >> 5 == 5:
            self._pointer = data[0] & 0x1F
            for value in data[1:]:
                self._set(self._pointer, value)
                self._pointer = self._pointer + 1 & 0x1F
        return len(data)

    def _set(self, register, value):
        if register == 1:
            self._control = value & 0x37
            if value & 0x80:
                self.power_on()
        elif register == 0:
            on = value & 3 == 3
            if on and self._enable & 3 != 3:
                self._valid = 0
                self._measure(_STEP_US * ((self._control & 7) + 1))
                if self.fault == "brownout":
                    return
            elif not on:
                self._next = None
            self._enable = value

    def _give(self, buffer):
        for index in range(len(buffer)):
            buffer[index] = self._get(self._pointer)
            self._pointer = self._pointer + 1 & 0x1F

    def _get(self, register):
        if register == 0:
            return self._enable
        if register == 1:
            return self._control
        if register == 0x12:
            return 0x0A if self.fault == "chip_id" else 0x50
        if register == 0x13:
            return self._valid
        return self._data[register - 0x14] if 0x14 <= register <= 0x17 else 0

    def _raw(self, values):
        time = (self._control & 7) + 1
        full = _FULL_OF_100_MS if time == 1 else 0xFFFF
        # lux = (c0 - c1) (1 - c1 / c0) 408 / (ms gain), with c1 = 0.3 c0
        counts = values[2] * time * 100 * _GAINS[self._control >> 4 & 3] / 408 / (1 - _INFRARED) / (1 - _INFRARED)
        infrared = 2 if self.fault == "infrared" else _INFRARED
        return clipped(counts, 0, full), clipped(counts * infrared, 0, full)

    def _measured(self, raw):
        self._data = raw[0].to_bytes(2, "little") + raw[1].to_bytes(2, "little")
        self._valid = 1
