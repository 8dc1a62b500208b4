"""Aosong AHT20, AHT21: temperature, humidity (data sheet AHT20, version 1.1)."""

import asyncio

from mote import const
from mote.sensors import SensorError, within
from mote.sensors.crc import crc8

_STATUS = b"\x71"
_INITIALISE = b"\xbe\x08\x00"
_MEASURE = b"\xac\x33\x00"
_BUSY = const(0x80)
_CALIBRATED = const(0x08)
_INITIALISE_MS = const(10)
_MEASURE_MS = const(80)  # 5.4, step 3
_STEP_MS = const(10)
_STEPS = const(5)
_RANGE = const(1 << 20)


def humidity(raw):
    """Return percent relative humidity from the 20-bit `raw` (6.1)."""
    return raw * 100 / _RANGE


def temperature(raw):
    """Return degrees Celsius from the 20-bit `raw` (6.2)."""
    return raw * 200 / _RANGE - 50


def unpack(data):
    """Return the raw humidity and temperature of the seven bytes `data`; SensorError where the CRC is wrong."""
    if crc8(data, 0, 6) != data[6]:
        raise SensorError("wrong CRC")
    return data[1] << 12 | data[2] << 4 | data[3] >> 4, (data[3] & 15) << 16 | data[4] << 8 | data[5]


class Driver:
    """One AHT20 at `spec.address` (0x38)."""

    def __init__(self, spec, buses):
        self._address = spec.address
        self._buses = buses
        self._data = bytearray(7)

    async def read(self):
        """Return temperature in Cel and humidity in %RH, as (quantity, value)."""
        i2c = self._buses.i2c()
        data = self._data
        # Asked each time: the part may have been without power since.
        if not self._status(i2c) & _CALIBRATED:
            i2c.writeto(self._address, _INITIALISE)
            await asyncio.sleep_ms(_INITIALISE_MS)
            if not self._status(i2c) & _CALIBRATED:
                raise SensorError("AHT20 has no calibration")
        i2c.writeto(self._address, _MEASURE)
        await asyncio.sleep_ms(_MEASURE_MS)
        for _ in range(_STEPS):
            i2c.readfrom_into(self._address, data)
            if not data[0] & _BUSY:
                break
            await asyncio.sleep_ms(_STEP_MS)
        else:
            raise SensorError("AHT20 stays busy")
        raw_h, raw_t = unpack(data)
        if not data[0] & _CALIBRATED or not raw_h | raw_t:
            raise SensorError("AHT20 has not measured")
        return [
            ("temperature", round(within(temperature(raw_t), -40, 85), 2)),
            ("humidity", round(humidity(raw_h), 2)),
        ]

    def _status(self, i2c):
        i2c.writeto(self._address, _STATUS)
        i2c.readfrom_into(self._address, self._data)
        return self._data[0]
