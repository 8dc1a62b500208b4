"""Aosong DHT22, AM2302: temperature, humidity, through the firmware's `dht`.

What a transfer gives is the measurement that the one before it started (AM2302 data sheet, 7), minutes
old where a mote samples in minutes. So there are two, unless the one before was just now; and between
any two the part needs two seconds.
"""

import asyncio

from mote import const, uptime
from mote.sensors import SensorError, within

_APART_MS = const(2000)
_JUST_NOW_MS = const(6000)


class Driver:
    """One DHT22 on the pin `spec.pin`, with its pull-up; ValueError where the chip has no such pin."""

    def __init__(self, spec, buses):
        from dht import DHT22
        from machine import Pin

        self._dht = DHT22(Pin(spec.pin))
        self._last_ms = None  # when the last transfer began
        self._started = False  # whether it started a measurement, as far as it can be known

    async def read(self):
        """Return temperature in Cel and humidity in %RH, as (quantity, value)."""
        if not self._started or uptime.ms() - self._last_ms > _JUST_NOW_MS:
            await self._transfer()
        await self._transfer()
        humidity = self._dht.humidity()
        temperature = self._dht.temperature()
        if not humidity and not temperature:
            # The checksum of zeros is right, and zeros are what the part says before it has measured.
            self._started = False
            raise SensorError("DHT22 has not measured")
        return [
            ("temperature", round(within(temperature, -40, 80), 1)),
            ("humidity", round(within(humidity, 0, 100), 1)),
        ]

    async def _transfer(self):
        if self._last_ms is not None:
            await asyncio.sleep_ms(max(self._last_ms + _APART_MS - uptime.ms(), 0))
        self._last_ms = uptime.ms()
        self._started = False
        try:
            self._dht.measure()
        except OSError:
            raise
        except Exception:  # `dht` knows no narrower class for a wrong checksum
            raise SensorError("DHT22: wrong checksum")
        self._started = True
