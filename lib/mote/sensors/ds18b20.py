"""Maxim DS18B20: temperature (data sheet 19-7487), through the firmware's 1-Wire modules."""

import asyncio

from mote import const
from mote.sensors import SensorError, within

_FAMILY = const(0x28)
_CONVERT_MS = const(750)  # at 12 bits, at most
_CONFIG = const(4)  # in the scratchpad; five of its bits are always 1 (table 2)
_FIVE_BITS = const(0x1F)
# The two bytes for alarms, which nothing here uses, tell 85 degrees from those of power-on: then they are the EEPROM's
# again. The third is 12 bits.
_SETTING = b"\x5a\xa5\x7f"
_POWER_ON = 85.0  # what the scratchpad says until something has been converted


class Driver:
    """The DS18B20 with the code `spec.rom`, or the first on the 1-Wire bus where that is None."""

    def __init__(self, spec, buses):
        self._buses = buses
        self._wanted = spec.rom
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
        wire = self._buses.onewire()
        if self._rom is None:
            self._rom = self._find(wire)
        self._call(self._thermometers.convert_temp)
        await asyncio.sleep_ms(_CONVERT_MS)
        value = self._call(self._thermometers.read_temp, self._rom)
        # A wire that went low meanwhile reads as zeros, and the CRC of nine zeros is right.
        if value is None or self._thermometers.buf[_CONFIG] & _FIVE_BITS != _FIVE_BITS:
            raise SensorError("DS18B20 does not answer")
        if value == _POWER_ON and self._thermometers.buf[2:4] != _SETTING[:2]:
            raise SensorError("DS18B20 has not measured")
        return [("temperature", within(value, -55, 125))]

    def _find(self, wire):
        if self._thermometers is None:
            from ds18x20 import DS18X20

            self._thermometers = DS18X20(wire)
        for rom in self._call(self._thermometers.scan):
            if rom[0] == _FAMILY and not self._thermometers.ow.crc8(rom) and self._wanted in (None, rom):
                self._call(self._thermometers.write_scratch, rom, _SETTING)
                return rom
        raise SensorError("no DS18B20")

    def _call(self, method, *arguments):
        try:
            return method(*arguments)
        except Exception:  # `onewire` and `ds18x20` know no narrower class for a wrong CRC
            raise SensorError("DS18B20 does not answer")
