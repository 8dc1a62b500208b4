"""What the parts on I2C share: a conversion that takes its time, registers behind a pointer, Sensirion's checksum."""

from time import ticks_diff, ticks_us

from parts._sensor import Sensor


def crc8(data):
    """Return the CRC-8 of `data`: polynomial 0x31, begun at 0xFF."""
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc << 1 ^ 0x131 if crc & 0x80 else crc << 1
    return crc


class TwoWire(Sensor):
    """A part that measures when it is told to. What it makes of the world is `_raw`, where that goes `_measured`."""

    def __init__(self, world, number, description):
        super().__init__(world, number)
        self.power_on()

    def power_on(self):
        """Be as after power-on; nothing is being measured."""
        self._next = None
        self._begun = self._busy_us = 0

    def write(self, data):
        """Take `data`; return how many bytes are acknowledged, or None where no part answers."""
        if self._gone:
            return None
        self._settle()
        taken = self._take(data)
        return None if self._gone else taken

    def read(self, buffer):
        """Fill `buffer`; False where no part answers."""
        if self._gone:
            return False
        self._settle()
        if self.fault == "zeros":
            for index in range(len(buffer)):
                buffer[index] = 0
            return True
        return self._give(buffer) is not False and not self._gone

    def _measure(self, busy_us):
        """Begin a conversion of `busy_us` microseconds."""
        values = self._feel()
        if values is None:
            return
        self._busy_us = busy_us
        self._begun = ticks_us()
        self._next = self._raw(values)
        if self.fault == "brownout":
            self.power_on()

    def _settle(self):
        """Let time have its effect."""
        if self._next is None or self.fault == "busy":
            return
        if ticks_diff(ticks_us(), self._begun) >= self._busy_us:
            raw, self._next = self._next, None
            self._measured(raw)


def fill(buffer, data):
    """Give `data`, and what an idle line reads after its end."""
    for index in range(len(buffer)):
        buffer[index] = data[index] if index < len(data) else 0xFF


def clipped(value, lowest, highest):
    """Return the whole number nearest to `value` from `lowest` to `highest`."""
    return int(min(max(value, lowest), highest) + 0.5)
