"""Maxim DS18B20 (data sheet 19-7487): its ROM code, its scratchpad with CRC, bit by bit."""

from micropython import const
from time import ticks_diff, ticks_ms

from _onewire import crc8
from parts._sensor import Sensor

_READ_ROM = const(0x33)
_MATCH_ROM = const(0x55)
_SEARCH_ROM = const(0xF0)
_SKIP_ROM = const(0xCC)
_CONVERT = const(0x44)
_READ_SCRATCH = const(0xBE)
_WRITE_SCRATCH = const(0x4E)
_COPY_SCRATCH = const(0x48)
_RECALL = const(0xB8)
_READ_POWER = const(0xB4)
_CONVERT_MS = const(600)  # at 12 bits; 750 ms at most

# What the part is listening for.
_IDLE, _ROM_COMMAND, _MATCHING, _SEARCHING, _FUNCTION, _TAKING, _GIVING, _CONVERTING = range(8)


class Part(Sensor):
    """One DS18B20 with a supply of its own."""

    KIND = "ds18b20"

    def __init__(self, world, number, description):
        super().__init__(world, number)
        rom = bytes.fromhex(description["rom"])
        self._rom = rom if len(rom) == 8 else rom[:7] + bytes((crc8(rom[:7]),))
        self._saved = b"\x4b\x46\x7f"  # alarms and 12 bits, as the EEPROM comes from the factory
        self.power_on()

    def power_on(self):
        """Be as after power-on: 85 degrees in the scratchpad, nothing converted."""
        self._scratch = bytearray(b"\x50\x05" + self._saved + b"\xff\x0c\x10")
        self._next = None
        self._begun = 0
        self._busy_ms = 0
        self._state = _IDLE
        self._byte = self._bits = 0
        self._out = b""
        self._at = 0
        self._phase = 0

    def reset(self):
        """Take a reset pulse; True is the presence pulse."""
        self._settle()
        self._state = _IDLE if self._gone else _ROM_COMMAND
        self._byte = self._bits = 0
        return not self._gone

    def write_bit(self, bit):
        """Take one bit from the master."""
        if self._state == _IDLE or self._gone:
            return
        if self._state == _SEARCHING:
            # The master's choice: who differs falls silent until the next reset.
            if bit != self._rom[self._at >> 3] >> (self._at & 7) & 1:
                self._state = _IDLE
            self._at += 1
            self._phase = 0
            if self._at == 64:
                self._state = _IDLE
            return
        if self._state == _MATCHING:
            if bit != self._rom[self._at >> 3] >> (self._at & 7) & 1:
                self._state = _IDLE
                return
            self._at += 1
            if self._at == 64:
                self._state = _FUNCTION
            return
        self._byte |= bit << self._bits
        self._bits += 1
        if self._bits == 8:
            byte, self._byte, self._bits = self._byte, 0, 0
            self._take(byte)

    def read_bit(self):
        """Give one bit; 1 leaves the wire alone."""
        if self._gone:
            return 1
        if self._state == _SEARCHING:
            bit = self._rom[self._at >> 3] >> (self._at & 7) & 1
            self._phase += 1
            return bit if self._phase == 1 else 1 - bit
        if self._state == _GIVING:
            if self._at >= len(self._out) * 8:
                return 1
            bit = self._out[self._at >> 3] >> (self._at & 7) & 1
            self._at += 1
            return bit
        if self._state == _CONVERTING:
            self._settle()
            return 0 if self._next is not None else 1
        return 1

    def _take(self, byte):
        """Take one byte from the master."""
        if self._state == _ROM_COMMAND:
            self._at = self._phase = 0
            if byte == _READ_ROM:
                self._give(self._rom)
            else:
                states = {_MATCH_ROM: _MATCHING, _SEARCH_ROM: _SEARCHING, _SKIP_ROM: _FUNCTION}
                self._state = states.get(byte, _IDLE)
        elif self._state == _FUNCTION:
            self._do(byte)
        elif self._state == _TAKING:
            self._scratch[self._at] = byte | 0x1F if self._at == 4 else byte
            self._at += 1
            if self._at == 5:
                self._scratch[4] &= 0x7F
                self._state = _IDLE

    def _do(self, function):
        if function == _CONVERT:
            self._convert()
        elif function == _READ_SCRATCH:
            self._settle()
            data = bytearray(self._scratch)
            data.append(crc8(data))
            if self.fault == "crc":
                data[0] ^= 0x04
            self._give(data)
        elif function == _WRITE_SCRATCH:
            self._at = 2
            self._state = _TAKING
        elif function == _COPY_SCRATCH:
            self._saved = bytes(self._scratch[2:5])
            self._state = _IDLE
        elif function == _RECALL:
            self._scratch[2:5] = self._saved
            self._state = _IDLE
        elif function == _READ_POWER:
            self._give(b"\xff")
        else:
            self._state = _IDLE

    def _give(self, data):
        self._out = bytes(data)
        self._at = 0
        self._state = _GIVING

    def _convert(self):
        values = self._feel()
        if values is None:
            return
        self._state = _CONVERTING
        if self.fault == "brownout":
            self.power_on()
            return
        bits = (self._scratch[4] >> 5 & 3) + 9
        sixteenths = int(min(max(values[0], -55.0), 125.0) * 16 + 1000.5) - 1000
        self._next = sixteenths >> (12 - bits) << (12 - bits) & 0xFFFF
        self._busy_ms = _CONVERT_MS >> (12 - bits)
        self._begun = ticks_ms()

    def _settle(self):
        """Let time have its effect."""
        if self._next is not None and ticks_diff(ticks_ms(), self._begun) >= self._busy_ms:
            self._scratch[0] = self._next & 0xFF
            self._scratch[1] = self._next >> 8
            self._next = None
