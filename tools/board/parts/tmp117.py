"""Texas Instruments TMP117 (data sheet SNOSD82): its registers, modes and ready bit."""

from micropython import const

from parts._twowire import TwoWire, fill

_CONVERSION_US = const(15500)
_READY = const(0x2000)
_POWER_ON_CONFIGURATION = const(0x0220)  # continuous, eight averages, a second apart
_ONCE = const(0x0C00)
_SHUT_DOWN = const(0x0400)
_AVERAGES = (1, 8, 32, 64)


class Part(TwoWire):
    """One TMP117."""

    KIND = "tmp117"

    def power_on(self):
        """Be as after power-on: converting by itself, -256 degrees in the result."""
        super().power_on()
        self._pointer = 0
        self._configuration = _POWER_ON_CONFIGURATION
        self._result = 0x8000

    def _take(self, data):
        if data:
            self._pointer = data[0] & 0x0F
        if len(data) == 3 and self._pointer == 1:
            self._configuration = (data[1] << 8 | data[2]) & 0x0FFC
            if self._configuration & _ONCE == _ONCE:
                self._measure(_CONVERSION_US * _AVERAGES[self._configuration >> 5 & 3])
        return len(data)

    def _give(self, buffer):
        value = 0
        if self._pointer == 0:
            value = self._result
            self._configuration &= ~_READY
        elif self._pointer == 1:
            value = self._configuration
            self._configuration &= ~_READY
        elif self._pointer == 0x0F:
            value = 0x0118 if self.fault == "chip_id" else 0x0117
        fill(buffer, bytes((value >> 8, value & 0xFF)))

    def _raw(self, values):
        return int(min(max(values[0], -256.0), 255.99) * 128 + 65536.5) & 0xFFFF

    def _measured(self, raw):
        self._result = raw
        self._configuration = self._configuration & ~_ONCE | _SHUT_DOWN | _READY
