"""ROHM BH1750FVI: illuminance (data sheet 2010.04 rev. C)."""

import asyncio

from mote import const
from mote.sensors import SensorError

_ONE_TIME_H = b"\x20"  # one measurement at 1 lx, then power down
_MEASURE_MS = const(180)  # at most
_FULL = const(0xFFFF)


class Driver:
    """One BH1750 at `spec.address` (0x23 or 0x5C)."""

    def __init__(self, spec, buses):
        self._address = spec.address
        self._buses = buses
        self._data = bytearray(2)

    async def read(self):
        """Return the illuminance in lx, as (quantity, value)."""
        # There is nothing to set up: each measurement is asked for by itself.
        i2c = self._buses.i2c()
        i2c.writeto(self._address, _ONE_TIME_H)
        await asyncio.sleep_ms(_MEASURE_MS)
        i2c.readfrom_into(self._address, self._data)
        self._buses.i2c()  # the part has no check of its own: a line that went low would read as darkness
        count = self._data[0] << 8 | self._data[1]
        if count == _FULL:
            raise SensorError("BH1750 is saturated")
        return [("illuminance", round(count / 1.2, 1))]
