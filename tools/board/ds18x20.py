"""`ds18x20`: the thermometer driver that firmware has frozen in, with its interface."""

from micropython import const

_CONVERT = const(0x44)
_READ_SCRATCH = const(0xBE)
_WRITE_SCRATCH = const(0x4E)
_FAMILIES = (0x10, 0x22, 0x28)


class DS18X20:
    """The DS18S20, DS1822 and DS18B20 parts on a 1-Wire bus."""

    def __init__(self, onewire):
        self.ow = onewire
        self.buf = bytearray(9)
        self.config = bytearray(3)
        self.power = 1
        self.powerpin = None

    def powermode(self, powerpin=None):
        """Return 1 where the parts have a supply of their own."""
        if powerpin is not None:
            self.powerpin = powerpin
            self.powerpin.init(self.powerpin.OUT, value=0)
        self.ow.writebyte(self.ow.SKIP_ROM)
        self.ow.writebyte(0xB4)
        self.power = self.ow.readbit()
        return self.power

    def scan(self):
        """Return the codes of the thermometers."""
        return [rom for rom in self.ow.scan() if rom[0] in _FAMILIES]

    def convert_temp(self):
        """Start a conversion on all of them."""
        self.ow.reset(True)
        self.ow.writebyte(self.ow.SKIP_ROM)
        self.ow.writebyte(_CONVERT)

    def read_scratch(self, rom):
        """Return the 9 bytes of the scratchpad; Exception where their CRC is wrong."""
        self.ow.reset(True)
        self.ow.select_rom(rom)
        self.ow.writebyte(_READ_SCRATCH)
        self.ow.readinto(self.buf)
        if self.ow.crc8(self.buf):
            raise Exception("CRC error")
        return self.buf

    def write_scratch(self, rom, buf):
        """Write the 3 bytes of `buf`: two alarms and the resolution."""
        self.ow.reset(True)
        self.ow.select_rom(rom)
        self.ow.writebyte(_WRITE_SCRATCH)
        self.ow.write(buf)

    def read_temp(self, rom):
        """Return degrees Celsius; the last conversion's, or 85 after power-on."""
        try:
            data = self.read_scratch(rom)
        except AssertionError:
            return None
        value = data[1] << 8 | data[0]
        if value & 0x8000:
            value -= 0x10000
        if rom[0] == 0x10:
            # The DS18S20 counts halves, and the rest of the way to the next.
            return (value >> 1) - 0.25 + (data[7] - data[6]) / data[7]
        return value / 16

    def resolution(self, rom, bits=None):
        """Return the number of bits, 9 to 12, or set it."""
        if bits is not None and 9 <= bits <= 12:
            self.config[2] = (bits - 9) << 5 | 0x1F
            self.write_scratch(rom, self.config)
            return bits
        return (self.read_scratch(rom)[4] >> 5 & 3) + 9
