"""Bosch BME280: temperature, humidity, pressure (data sheet BST-BME280-DS002).

Forced mode, everything once (the data sheet's weather monitoring, 3.5.1), so that the part sleeps
between readings and does not warm itself.
"""

import asyncio
import struct

from mote import const
from mote.sensors import SensorError, within

_CALIBRATION = const(0x88)
_CALIBRATION_H1 = const(0xA1)
_CALIBRATION_H = const(0xE1)
_CHIP_ID = const(0xD0)
_CTRL_HUM = const(0xF2)
_STATUS = const(0xF3)
_CTRL_MEAS = const(0xF4)
_CONFIG = const(0xF5)
_DATA = const(0xF7)

_MEASURING = const(0x08)
_LOADING = const(0x01)  # the calibration is on its way from the part's memory
_ONCE_H = b"\x01"
_ONCE_T_P_FORCED = b"\x25"
_MARK = const(0x20)  # a standby time, which forced mode has none of: it is gone when the part was without power
_SKIPPED = const(0x80000)
_MEASURE_MS = const(10)  # 9.3 ms at most (9.1)
_STEP_MS = const(3)
_STEPS = const(4)


class Calibration:
    """The part's own constants (4.2.2), from registers 0x88 to 0x9F, 0xA1, and 0xE1 to 0xE7."""

    def __init__(self, low, h1, high):
        words = struct.unpack("<HhhHhhhhhhhh", low)
        self.t1, self.t2, self.t3 = words[:3]
        self.p = words[3:]
        self.h1 = h1
        self.h2, self.h3 = struct.unpack("<hB", high[:3])
        # Two signed twelve-bit numbers share the byte 0xE5.
        self.h4 = _signed(high[3]) << 4 | high[4] & 0x0F
        self.h5 = _signed(high[5]) << 4 | high[4] >> 4
        self.h6 = _signed(high[6])


def _signed(byte):
    return byte - 256 if byte & 0x80 else byte


def fine_temperature(raw, c):
    """Return `t_fine`, which the other two need, from the 20-bit `raw` and the Calibration (4.2.3)."""
    var1 = ((raw >> 3) - (c.t1 << 1)) * c.t2 >> 11
    offset = (raw >> 4) - c.t1
    var2 = (offset * offset >> 12) * c.t3 >> 14
    return var1 + var2


def temperature(t_fine):
    """Return hundredths of a degree Celsius."""
    return (t_fine * 5 + 128) >> 8


def pressure(raw, t_fine, c):
    """Return pascals times 256 from the 20-bit `raw`; 0 where the part's constants allow no result."""
    p1, p2, p3, p4, p5, p6, p7, p8, p9 = c.p
    var1 = t_fine - 128000
    var2 = var1 * var1 * p6 + (var1 * p5 << 17) + (p4 << 35)
    var1 = (var1 * var1 * p3 >> 8) + (var1 * p2 << 12)
    var1 = ((1 << 47) + var1) * p1 >> 33
    if var1 <= 0:
        return 0
    p = ((1048576 - raw << 31) - var2) * 3125 // var1
    var1 = p9 * (p >> 13) * (p >> 13) >> 25
    var2 = p8 * p >> 19
    return (p + var1 + var2 >> 8) + (p7 << 4)


def humidity(raw, t_fine, c):
    """Return percent relative humidity times 1024 from the 16-bit `raw`."""
    v = t_fine - 76800
    slope = (v * c.h6 >> 10) * ((v * c.h3 >> 11) + 32768) >> 10
    v = ((raw << 14) - (c.h4 << 20) - c.h5 * v + 16384 >> 15) * ((slope + 2097152) * c.h2 + 8192 >> 14)
    v -= ((v >> 15) * (v >> 15) >> 7) * c.h1 >> 4
    return min(max(v, 0), 419430400) >> 12


class Driver:
    """One BME280 at `spec.address` (0x76 or 0x77)."""

    _NAME = "BME280"
    _IDS = (0x60,)
    _HUMID = True

    def __init__(self, spec, buses):
        self._address = spec.address
        self._buses = buses
        self._calibration = None
        self._byte = bytearray(1)
        self._data = bytearray(8 if self._HUMID else 6)

    async def read(self):
        """Return temperature in Cel, pressure in Pa, humidity in %RH where it is measured, as (quantity, value)."""
        try:
            return await self._read()
        except (OSError, SensorError):
            self._calibration = None
            raise

    async def _read(self):
        i2c = self._buses.i2c()
        if self._calibration is None or self._get(i2c, _CONFIG) != _MARK:
            await self._set_up(i2c)
        if self._HUMID:
            # It counts from ctrl_meas on (5.4.3).
            i2c.writeto_mem(self._address, _CTRL_HUM, _ONCE_H)
        i2c.writeto_mem(self._address, _CTRL_MEAS, _ONCE_T_P_FORCED)
        await asyncio.sleep_ms(_MEASURE_MS)
        await self._wait(i2c, _MEASURING)
        i2c.readfrom_mem_into(self._address, _DATA, self._data)
        return self._convert(self._calibration)

    async def _set_up(self, i2c):
        if self._get(i2c, _CHIP_ID) not in self._IDS:
            raise SensorError("not a " + self._NAME)
        await self._wait(i2c, _LOADING)
        i2c.writeto_mem(self._address, _CONFIG, bytes((_MARK,)))
        low = i2c.readfrom_mem(self._address, _CALIBRATION, 24)
        h1 = self._get(i2c, _CALIBRATION_H1) if self._HUMID else 0
        high = i2c.readfrom_mem(self._address, _CALIBRATION_H, 7) if self._HUMID else bytes(7)
        self._calibration = Calibration(low, h1, high)

    def _get(self, i2c, register):
        i2c.readfrom_mem_into(self._address, register, self._byte)
        return self._byte[0]

    async def _wait(self, i2c, flag):
        for _ in range(_STEPS):
            if not self._get(i2c, _STATUS) & flag:
                return
            await asyncio.sleep_ms(_STEP_MS)
        raise SensorError(self._NAME + " stays busy")

    def _convert(self, c):
        d = self._data
        raw_p = d[0] << 12 | d[1] << 4 | d[2] >> 4
        raw_t = d[3] << 12 | d[4] << 4 | d[5] >> 4
        if raw_t == _SKIPPED and raw_p == _SKIPPED:
            raise SensorError(self._NAME + " has not measured")
        t_fine = fine_temperature(raw_t, c)
        found = [
            ("temperature", within(temperature(t_fine) / 100, -40, 85)),
            ("pressure", within((pressure(raw_p, t_fine, c) * 10 + 128 >> 8) / 10, 30000, 110000)),
        ]
        if self._HUMID:
            found.insert(1, ("humidity", (humidity(d[6] << 8 | d[7], t_fine, c) * 100 + 512 >> 10) / 100))
        return found
