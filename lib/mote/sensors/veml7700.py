"""Vishay VEML7700: illuminance (data sheet 84286, application note 84323, both of 2022 and later).

Gain and integration time follow the light. The part has no ready bit, so it is woken for each measurement
and asked afterwards whether it is still set as it was: after a loss of power it is asleep.
"""

import asyncio
from mote import const
from mote.sensors import SensorError, within

_CONFIGURATION = const(0x00)
_LIGHT = const(0x04)
_ID = const(0x07)
_VEML7700 = const(0x81)  # the low byte; the high one says which address it has
_ASLEEP = const(0x0001)
_WAKE_MS = const(5)  # 2.5 ms (application note)
_MOST = const(140000)
_FULL = const(0xFFFF)
_FEW = const(100)  # counts below which more is measured, and above which less (application note)
_MANY = const(10000)
_BRIGHT = const(1)  # up to this step the part's response bends
# Settings, integration time in ms, lx for a count: from the brightest light to the dimmest.
_STEPS = ((0x1300, 25, 2.1504), (0x1000, 100, 0.5376), (0x0800, 100, 0.0336), (0x08C0, 800, 0.0042))


def straightened(lux):
    """Return lx from the `lux` that the counts of gain 1/8 make (application note, correction formula)."""
    return (((6.0135e-13 * lux - 9.3924e-9) * lux + 8.1488e-5) * lux + 1.0023) * lux


class Driver:
    """One VEML7700 at `spec.address` (0x10)."""

    def __init__(self, spec, buses):
        self._address = spec.address
        self._buses = buses
        self._step = None
        self._data = bytearray(2)

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
            if self._get(i2c, _ID) & 0xFF != _VEML7700:
                raise SensorError("not a VEML7700")
            self._step = 1
        for _ in _STEPS:
            count = await self._measure(i2c)
            step = self._step
            if count < _FEW and step < 3:
                self._step += 1
            elif count > _MANY and step:
                self._step -= 1
            elif count == _FULL:
                raise SensorError("VEML7700 is saturated")
            else:
                lux = count * _STEPS[step][2]
                if step <= _BRIGHT:
                    lux = within(straightened(lux), 0, _MOST)
                return [("illuminance", round(lux, 3))]
        raise SensorError("light changes too fast")

    async def _measure(self, i2c):
        """Return the counts of one measurement."""
        setting, time_ms, _ = _STEPS[self._step]
        self._set(i2c, setting | _ASLEEP)
        self._set(i2c, setting)
        await asyncio.sleep_ms(_WAKE_MS + time_ms * 3 // 2)
        count = self._get(i2c, _LIGHT)
        if self._get(i2c, _CONFIGURATION) != setting:
            raise SensorError("VEML7700 has not measured")
        self._set(i2c, setting | _ASLEEP)
        return count

    def _set(self, i2c, setting):
        self._data[0] = setting & 0xFF
        self._data[1] = setting >> 8
        i2c.writeto_mem(self._address, _CONFIGURATION, self._data)

    def _get(self, i2c, register):
        i2c.readfrom_mem_into(self._address, register, self._data)
        return self._data[0] | self._data[1] << 8
