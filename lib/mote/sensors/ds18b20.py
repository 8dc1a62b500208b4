"""Maxim DS18B20: temperature (data sheet 19-7487), through the firmware's 1-Wire modules."""

import asyncio

from mote import const
from mote.sensors import SensorError

_FAMILY = const(0x28)
_CONVERT_MS = const(750)  # at 12 bits, at most
_POWER_ON = 85.0  # what the scratchpad says until something has been converted


class Driver:
    """The first DS18B20 on the 1-Wire bus."""

    def __init__(self, spec, buses):
        self._buses = buses
        self._thermometers = None
        self._rom = None

    async def read(self):
        """Return the temperature in Cel, as (quantity, value)."""
        try:
            return await self._read()
        except SensorError:
            self._rom = None
            raise

    async def _read(self):
        if self._rom is None:
            self._rom = self._find()
        self._call(self._thermometers.convert_temp)
        await asyncio.sleep_ms(_CONVERT_MS)
        value = self._call(self._thermometers.read_temp, self._rom)
        if value == _POWER_ON:
            raise SensorError("DS18B20 has not measured")
        return [("temperature", value)]

    def _find(self):
        if self._thermometers is None:
            from ds18x20 import DS18X20

            self._thermometers = DS18X20(self._buses.onewire())
        for rom in self._call(self._thermometers.scan):
            if rom[0] == _FAMILY and not self._thermometers.ow.crc8(rom):
                return rom
        raise SensorError("no DS18B20")

    def _call(self, method, *arguments):
        try:
            return method(*arguments)
        except Exception:  # `onewire` and `ds18x20` know no narrower class for a wrong CRC
            raise SensorError("DS18B20 does not answer")
