"""Texas Instruments TMP117: temperature (data sheet SNOSD82, revision D).

One conversion of eight averages at a time; between them the part sleeps and does not warm itself.
"""

import asyncio

from mote import const
from mote.sensors import SensorError, within

_TEMPERATURE = const(0x00)
_CONFIGURATION = const(0x01)
_DEVICE_ID = const(0x0F)
_TMP117 = const(0x117)  # the upper four bits are its revision
_ONCE = b"\x0c\x20"
_READY = const(0x2000)
_MODE = const(0x0C00)
_SHUT_DOWN = const(0x0400)  # what the mode says after one conversion; after power-on it is continuous
_MEASURE_MS = const(126)
_STEP_MS = const(10)
_STEPS = const(5)
_POWER_ON = const(0x8000)  # what the result says until something has been converted (7.6.2)


def temperature(raw):
    """Return degrees Celsius from the 16 bits of the result, two's complement (7.6.2)."""
    return (raw - 0x10000 if raw & 0x8000 else raw) / 128


class Driver:
    """One TMP117 at `spec.address` (0x48 to 0x4B)."""

    def __init__(self, spec, buses):
        self._address = spec.address
        self._buses = buses
        self._known = False
        self._data = bytearray(2)

    async def read(self):
        """Return the temperature in Cel, as (quantity, value)."""
        try:
            return await self._read()
        except (OSError, SensorError):
            self._known = False
            raise

    async def _read(self):
        i2c = self._buses.i2c()
        if not self._known:
            if self._get(i2c, _DEVICE_ID) & 0xFFF != _TMP117:
                raise SensorError("not a TMP117")
            self._known = True
        # Reading the configuration takes the ready bit of the conversion before back (table 7-6).
        self._get(i2c, _CONFIGURATION)
        i2c.writeto_mem(self._address, _CONFIGURATION, _ONCE)
        await asyncio.sleep_ms(_MEASURE_MS)
        for _ in range(_STEPS):
            said = self._get(i2c, _CONFIGURATION)
            if said & _READY:
                break
            await asyncio.sleep_ms(_STEP_MS)
        else:
            raise SensorError("TMP117 stays busy")
        raw = self._get(i2c, _TEMPERATURE)
        if raw == _POWER_ON or said & _MODE != _SHUT_DOWN:
            raise SensorError("TMP117 has not measured")
        self._buses.i2c()  # the part has no check of its own: a line that went low would read as 0 degrees
        return [("temperature", round(within(temperature(raw), -55, 150), 3))]

    def _get(self, i2c, register):
        i2c.readfrom_mem_into(self._address, register, self._data)
        return self._data[0] << 8 | self._data[1]
