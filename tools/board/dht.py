"""`dht`: the driver that firmware has frozen in, with its interface."""

from machine import dht_readinto


class DHTBase:
    """A part on `pin`."""

    def __init__(self, pin):
        self.pin = pin
        self.buf = bytearray(5)

    def measure(self):
        """Take a transfer; OSError where nothing answers, Exception where its checksum is wrong."""
        dht_readinto(self.pin, self.buf)
        if sum(self.buf[:4]) & 0xFF != self.buf[4]:
            raise Exception("checksum error")


class DHT11(DHTBase):
    """Whole percent and degrees."""

    def humidity(self):
        """Return percent relative humidity."""
        return self.buf[0]

    def temperature(self):
        """Return degrees Celsius."""
        return self.buf[2]


class DHT22(DHTBase):
    """Tenths."""

    def humidity(self):
        """Return percent relative humidity."""
        return (self.buf[0] << 8 | self.buf[1]) * 0.1

    def temperature(self):
        """Return degrees Celsius."""
        value = ((self.buf[2] & 0x7F) << 8 | self.buf[3]) * 0.1
        return -value if self.buf[2] & 0x80 else value
