"""Sensirion SHT40, SHT41, SHT45: temperature, humidity (data sheet SHT4x, version 6)."""

from mote import const
from mote.sensors import sht3x

_RESET_MS = const(2)  # 1 ms at most (table 5)
_SERIAL_MS = const(1)


def humidity(raw):
    """Return percent relative humidity, cut at 0 and 100 as the data sheet wants it (4.6)."""
    return min(max(-6 + 125 * raw / 65535, 0.0), 100.0)


class Driver(sht3x.Driver):
    """One SHT4x at `spec.address` (0x44, 0x45 or 0x46). Temperature is converted as an SHT3x's."""

    _MEASURE = b"\xfd"  # high precision
    _MEASURE_MS = 10  # 8.3 ms at most (table 5)

    async def _set_up(self, i2c):
        """Reset the part and read its serial number, which an SHT3x does not know under this command."""
        await self._ask(i2c, b"\x94", _RESET_MS, None)
        await self._ask(i2c, b"\x89", _SERIAL_MS, self._data)
        sht3x.words(self._data)

    def _humidity(self, raw):
        return humidity(raw)
