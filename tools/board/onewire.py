"""`onewire`: the bus driver that firmware has frozen in, with its interface."""

import _onewire as _wire


class OneWireError(Exception):
    """No part answered a reset."""


class OneWire:
    """A 1-Wire bus on `pin`."""

    SEARCH_ROM = 0xF0
    MATCH_ROM = 0x55
    SKIP_ROM = 0xCC

    def __init__(self, pin):
        self.pin = pin
        pin.init(pin.OPEN_DRAIN, pin.PULL_UP)

    def reset(self, required=False):
        """Reset the bus; return whether some part is there."""
        present = _wire.reset(self.pin)
        if required and not present:
            raise OneWireError
        return present

    def readbit(self):
        """Return one bit."""
        return _wire.readbit(self.pin)

    def readbyte(self):
        """Return one byte."""
        return _wire.readbyte(self.pin)

    def readinto(self, buf):
        """Fill `buf`."""
        for index in range(len(buf)):
            buf[index] = _wire.readbyte(self.pin)

    def writebit(self, value):
        """Write one bit."""
        return _wire.writebit(self.pin, value)

    def writebyte(self, value):
        """Write one byte."""
        return _wire.writebyte(self.pin, value)

    def write(self, buf):
        """Write the bytes of `buf`."""
        for byte in buf:
            _wire.writebyte(self.pin, byte)

    def select_rom(self, rom):
        """Address the part with the 8-byte code `rom`."""
        self.reset()
        self.writebyte(self.MATCH_ROM)
        self.write(rom)

    def crc8(self, data):
        """Return the CRC-8 of `data`; zero over data that ends in its own CRC."""
        return _wire.crc8(data)

    def scan(self):
        """Return the codes of the parts on the bus, found by the search of Maxim's note 187."""
        found = []
        rom = bytearray(8)
        last_fork = 64
        while last_fork >= 0 and len(found) < 255:
            if not self.reset():
                break
            self.writebyte(self.SEARCH_ROM)
            fork = -1
            rom = bytearray(rom)
            for index in range(64):
                mask = 1 << (index & 7)
                zero = self.readbit()
                one = self.readbit()
                if zero and one:
                    return found  # nobody answered any more
                if zero != one:
                    bit = zero
                else:
                    # Both kinds are there: as last time before the last fork, then the other branch.
                    bit = 1 if index == last_fork else (1 if index < last_fork and rom[index >> 3] & mask else 0)
                    if not bit and index != last_fork:
                        fork = index
                rom[index >> 3] = rom[index >> 3] & ~mask | (mask if bit else 0)
                self.writebit(bit)
            last_fork = fork
            found.append(rom)
        return found
