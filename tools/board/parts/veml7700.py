"""Vishay VEML7700 (data sheet 84286): 16-bit registers, gain and integration time, a response that bends."""

from micropython import const

from parts._twowire import TwoWire, clipped, fill

_WAKE_US = const(2500)
_GAINS = (1, 2, 0.125, 0.25)
_TIMES_MS = {0x0C: 25, 0x08: 50, 0x00: 100, 0x01: 200, 0x02: 400, 0x03: 800}
_FINEST = 0.0042  # lx for a count at gain 2 and 800 ms


class Part(TwoWire):
    """One VEML7700. It measures on while it is awake; here, each time that it wakes."""

    KIND = "veml7700"

    def power_on(self):
        """Be as after power-on: asleep, no count."""
        super().power_on()
        self._pointer = 0
        self._configuration = 1
        self._count = 0

    def _take(self, data):
        if data:
            self._pointer = data[0]
        if len(data) == 3 and self._pointer == 0:
            was, self._configuration = self._configuration, data[1] | data[2] << 8
            if self._configuration & 1:
                self._next = None
            elif was & 1:
                self._measure(_WAKE_US + 1000 * self._time_ms())
        return len(data)

    def _time_ms(self):
        return _TIMES_MS.get(self._configuration >> 6 & 0x0F, 100)

    def _give(self, buffer):
        word = 0
        if self._pointer == 0:
            word = self._configuration
        elif self._pointer in (4, 5):
            word = self._count
        elif self._pointer == 7:
            word = 0xC400 if self.fault == "chip_id" else 0xC481
        fill(buffer, bytes((word & 0xFF, word >> 8)))

    def _raw(self, values):
        gain = _GAINS[self._configuration >> 11 & 3]
        lux = values[2]
        if gain < 1:
            lux = _bent(lux)
        return clipped(lux / (_FINEST * (800 / self._time_ms()) * (2 / gain)), 0, 0xFFFF)

    def _measured(self, raw):
        self._count = raw


def _bent(lux):
    """Return the lux that the counts of low gain say at `lux`: the application note's correction formula, solved."""
    low, high = 0.0, 40000.0
    for _ in range(50):
        x = (low + high) / 2
        if (((6.0135e-13 * x - 9.3924e-9) * x + 8.1488e-5) * x + 1.0023) * x < lux:
            low = x
        else:
            high = x
    return low if lux < 1e6 else 1e9
