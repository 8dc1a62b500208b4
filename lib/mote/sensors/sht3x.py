"""Sensirion SHT30, SHT31, SHT35: temperature, humidity (data sheet SHT3x-DIS, version 7).

One measurement at a time without clock stretching: until it is there, the part does not acknowledge,
so what is read is never an older one.
"""

import asyncio

from mote import const
from mote.sensors import SensorError, within
from mote.sensors.crc import crc8

_RESET_MS = const(2)  # 1.5 ms at most (table 5)
_NOT_AS_RESET = const(0x2003)  # the heater is on, the last command or its checksum was wrong (table 18)


def words(data):
    """Return the two 16-bit words of the six bytes `data`; SensorError where one of their checksums is wrong."""
    if crc8(data, 0, 2) != data[2] or crc8(data, 3, 5) != data[5]:
        raise SensorError("wrong CRC")
    return data[0] << 8 | data[1], data[3] << 8 | data[4]


def temperature(raw):
    """Return degrees Celsius (4.13)."""
    return -45 + 175 * raw / 65535


def humidity(raw):
    """Return percent relative humidity (4.13)."""
    return 100 * raw / 65535


class Driver:
    """One SHT3x at `spec.address` (0x44 or 0x45)."""

    _MEASURE = b"\x24\x00"  # high repeatability
    _MEASURE_MS = 17  # 15.5 ms at most (table 4)

    def __init__(self, spec, buses):
        self._address = spec.address
        self._buses = buses
        self._known = False
        self._data = bytearray(6)

    async def read(self):
        """Return temperature in Cel and humidity in %RH, as (quantity, value)."""
        try:
            i2c = self._buses.i2c()
            if not self._known:
                await self._set_up(i2c)
                self._known = True
            await self._ask(i2c, self._MEASURE, self._MEASURE_MS, self._data)
            raw_t, raw_h = words(self._data)
        except (OSError, SensorError):
            self._known = False
            raise
        return [
            ("temperature", round(within(temperature(raw_t), -40, 125), 2)),
            ("humidity", round(self._humidity(raw_h), 2)),
        ]

    async def _ask(self, i2c, order, wait_ms, answer):
        """Send `order`, wait, fill `answer` where that is not None."""
        # SoftI2C says nothing of a byte that is not acknowledged but by this count.
        if i2c.writeto(self._address, order) != len(order):
            raise SensorError("another part")
        await asyncio.sleep_ms(wait_ms)
        if answer is not None:
            i2c.readfrom_into(self._address, answer)

    async def _set_up(self, i2c):
        """Reset the part and see that it is one: there is no number to know it by but its status, with its CRC."""
        await self._ask(i2c, b"\x30\xa2", _RESET_MS, None)
        status = bytearray(3)
        await self._ask(i2c, b"\xf3\x2d", 1, status)
        if crc8(status, 0, 2) != status[2] or (status[0] << 8 | status[1]) & _NOT_AS_RESET:
            raise SensorError("not an SHT3x")

    def _humidity(self, raw):
        return humidity(raw)
