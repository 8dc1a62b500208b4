"""ams TSL2591: illuminance from two channels, all light and infrared (data sheet ams 2013, v1-03).

The gain follows the light: 100 ms at 1, 25, 428 or 9876 times. Each measurement switches the channels off
and on, so the valid bit is of this one.
"""

import asyncio

from mote import const
from mote.sensors import SensorError

# Registers, with the command bits.
_ENABLE = const(0xA0)
_CONTROL = const(0xA1)
_ID = const(0xB2)
_STATUS = const(0xB3)  # and on from it the two channels
_TSL2591 = const(0x50)
_OFF = b"\x00"
_ON = b"\x03"
_VALID = const(0x01)
_GAINS = (1, 25, 428, 9876)
_FULL = const(36863)  # of 100 ms
_ROOM = const(18000)  # what the next higher gain may come to
_MEASURE_MS = const(110)
_STEP_MS = const(10)
_STEPS = const(5)
_LUX_MS = const(408)  # ms at gain 1 for a count at 1 lx, in open air (the form of DN40; the data sheet has none)
_MEASURED_MS = const(100)


def illuminance(full, infrared, gain):
    """Return lx from the counts of both channels after 100 ms at `gain` times."""
    if not full:
        return 0.0
    return (full - infrared) * (1 - infrared / full) * _LUX_MS / (_MEASURED_MS * gain)


class Driver:
    """One TSL2591 at `spec.address` (0x29)."""

    def __init__(self, spec, buses):
        self._address = spec.address
        self._buses = buses
        self._step = None  # of _GAINS; None before it has been found
        self._byte = bytearray(1)
        self._data = bytearray(5)

    async def read(self):
        """Return the illuminance in lx, as (quantity, value)."""
        try:
            return await self._read()
        except (OSError, SensorError):
            self._step = None
            raise

    async def _read(self):
        i2c = self._buses.i2c()
        if self._step is None:
            i2c.readfrom_mem_into(self._address, _ID, self._byte)
            if self._byte[0] != _TSL2591:
                raise SensorError("not a TSL2591")
            self._step = 1
        for _ in _GAINS:
            full, infrared = await self._measure(i2c)
            if full >= _FULL or infrared >= _FULL:
                if not self._step:
                    raise SensorError("TSL2591 is saturated")
                self._step -= 1
            elif self._step < 3 and full * _GAINS[self._step + 1] < _ROOM * _GAINS[self._step]:
                self._step += 1
            elif infrared > full:
                raise SensorError("more infrared than light")
            else:
                return [("illuminance", round(illuminance(full, infrared, _GAINS[self._step]), 3))]
        raise SensorError("light changes too fast")

    async def _measure(self, i2c):
        """Return the counts of both channels."""
        data = self._data
        i2c.writeto_mem(self._address, _ENABLE, _OFF)
        self._byte[0] = self._step << 4
        i2c.writeto_mem(self._address, _CONTROL, self._byte)
        i2c.writeto_mem(self._address, _ENABLE, _ON)
        await asyncio.sleep_ms(_MEASURE_MS)
        for _ in range(_STEPS):
            i2c.readfrom_mem_into(self._address, _STATUS, data)
            if data[0] & _VALID:
                break
            await asyncio.sleep_ms(_STEP_MS)
        else:
            raise SensorError("TSL2591 has not measured")
        i2c.readfrom_mem_into(self._address, _CONTROL, self._byte)
        if self._byte[0] != self._step << 4:
            raise SensorError("TSL2591 lost its gain")
        i2c.writeto_mem(self._address, _ENABLE, _OFF)
        return data[1] | data[2] << 8, data[3] | data[4] << 8
