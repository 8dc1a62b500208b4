"""`_onewire`: the bit and byte operations that firmware has in C, on the parts of board.json.

A part has `reset()` (the presence pulse), `write_bit(bit)` and `read_bit()`; the wire is the AND of
what the parts drive.
"""

import _hardware


def _parts(pin):
    return _hardware.parts(pin._number)


def _low():
    """True where a fault holds the wire low: then there seems to be a part, and every bit is 0."""
    return _hardware.fault("onewire") == "low"


def reset(pin):
    """Send a reset; return True where some part shows its presence."""
    present = _low()
    for part in _parts(pin):
        present = (part.fault != "unplugged" and part.reset()) or present
    return present


def writebit(pin, bit):
    """Write one bit."""
    for part in _parts(pin):
        if part.fault != "unplugged":
            part.write_bit(1 if bit else 0)


def readbit(pin):
    """Read one bit; an idle wire reads 1."""
    bit = 0 if _low() else 1
    for part in _parts(pin):
        if part.fault != "unplugged":
            bit &= part.read_bit()
    return bit


def writebyte(pin, value):
    """Write eight bits, the lowest first."""
    for shift in range(8):
        writebit(pin, value >> shift & 1)


def readbyte(pin):
    """Read eight bits, the lowest first."""
    value = 0
    for shift in range(8):
        value |= readbit(pin) << shift
    return value


def crc8(data):
    """Return Maxim's CRC-8 of `data` (polynomial x^8 + x^5 + x^4 + 1)."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8C if crc & 1 else 0)
    return crc
