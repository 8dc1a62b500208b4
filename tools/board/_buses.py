"""`machine.I2C` and `machine.SoftI2C`: transactions, handed to the parts byte by byte.

A part has `write(data)`, which returns how many bytes it acknowledged (or None: no part answers),
and `read(buffer)`, which fills the buffer and returns True, or returns False where nothing answers.
Like the real ones, `SoftI2C` takes a data line that is held low for acknowledgements and zeros, and says
nothing of a byte that a part does not acknowledge after its address.
"""

from errno import ENODEV, ETIMEDOUT

import _hardware
import _lines
from _pins import Pin


class SoftI2C:
    """A bus on two pins; nothing hangs on other pins than board.json says."""

    def __init__(self, scl=None, sda=None, freq=400000, timeout=50000):
        if scl is None or sda is None:
            raise TypeError("'scl' and 'sda' arguments required")
        self.init(scl, sda, freq)

    def init(self, scl, sda, freq=400000):
        """Take the pins."""
        scl, sda = Pin(scl), Pin(sda)
        scl.init(Pin.OPEN_DRAIN, value=1)
        sda.init(Pin.OPEN_DRAIN, value=1)
        self._scl, self._sda = scl._number, sda._number

    def _held(self):
        """True where the data line is held low; OSError where the clock is, as it is without pull-up resistors."""
        held = _lines.held()
        if held == "scl" or not _hardware.wired(self._sda, self._scl):
            raise OSError(ETIMEDOUT)
        return held == "sda"

    def _part(self, address):
        return _hardware.parts("i2c").get(address)

    def _write(self, address, data):
        if self._held():
            return len(data)  # the line is low where an acknowledgement is looked for
        noise = _lines.noise()
        if noise is not None:
            if noise < 16:
                raise OSError(ENODEV)
            return len(data) if noise < 240 else 0
        part = self._part(address)
        acknowledged = part.write(data) if part and part.fault != "unplugged" else None
        if acknowledged is None:
            raise OSError(ENODEV)
        return acknowledged

    def scan(self):
        """Return the addresses that answer, in order."""
        if self._held():
            return list(range(0x08, 0x78))
        found = []
        for address, part in sorted(_hardware.parts("i2c").items()):
            if part.fault != "unplugged" and part.answers():
                found.append(address)
        return found

    def writeto(self, addr, buf, stop=True):
        """Write `buf`; return the number of bytes acknowledged."""
        return self._write(addr, buf)

    def writevto(self, addr, vector, stop=True):
        """Write the buffers one after the other."""
        return self._write(addr, b"".join(vector))

    def readfrom_into(self, addr, buf, stop=True):
        """Fill `buf`."""
        if self._held():
            for index in range(len(buf)):
                buf[index] = 0
            return
        noise = _lines.noise()
        if noise is not None:
            if noise < 16:
                raise OSError(ENODEV)
            for index in range(len(buf)):
                buf[index] = _lines.noise()
            return
        part = self._part(addr)
        if not part or part.fault == "unplugged" or not part.read(buf):
            raise OSError(ENODEV)

    def readfrom(self, addr, nbytes, stop=True):
        """Return `nbytes` bytes."""
        buffer = bytearray(nbytes)
        self.readfrom_into(addr, buffer)
        return bytes(buffer)

    def writeto_mem(self, addr, memaddr, buf, addrsize=8):
        """Write `buf` at the register `memaddr`."""
        self._write(addr, memaddr.to_bytes(addrsize // 8, "big") + buf)

    def readfrom_mem_into(self, addr, memaddr, buf, addrsize=8):
        """Fill `buf` from the register `memaddr` on."""
        self._write(addr, memaddr.to_bytes(addrsize // 8, "big"))
        self.readfrom_into(addr, buf)

    def readfrom_mem(self, addr, memaddr, nbytes, addrsize=8):
        """Return `nbytes` bytes from the register `memaddr` on."""
        buffer = bytearray(nbytes)
        self.readfrom_mem_into(addr, memaddr, buffer, addrsize)
        return bytes(buffer)


class _HardI2C(SoftI2C):
    """The chip's own controller; its default pins are 18 and 19, or 25 and 26."""

    def __init__(self, id=0, scl=None, sda=None, freq=400000, timeout=50000):
        if id not in (0, 1):
            raise ValueError("I2C(%d) doesn't exist" % id)
        pins = ((18, 19), (25, 26))[id]
        super().__init__(pins[0] if scl is None else scl, pins[1] if sda is None else sda, freq)

    def _held(self):
        if super()._held():
            raise OSError(ETIMEDOUT)  # the controller sees that the bus is not free
        return False


# The ESP8266 has no controller: there `I2C` is the same class as `SoftI2C`.
I2C = SoftI2C if _hardware.chip == "esp8266" else _HardI2C
