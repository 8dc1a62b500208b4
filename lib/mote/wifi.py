"""The station interface: switched on early for its noise, joined when there is a link to keep."""

import asyncio
import time

import network

from mote import const

_STEP_MS = const(100)


class WifiError(Exception):
    """The network could not be joined within its deadline."""


class Wifi:
    """The Wi-Fi network `ssid`, joined with `passphrase` (bytes or None)."""

    def __init__(self, ssid, passphrase):
        self._ssid = ssid
        self._passphrase = passphrase
        self._wlan = network.WLAN(network.STA_IF)
        self.joins = 0  # how often this start has joined
        self._lock = asyncio.Lock()  # the firmware refuses to be asked for a connection while it makes one

    def switch_on(self):
        """Switch the radio on; from here on the chip's random numbers have its noise (ESP-IDF, RNG)."""
        self._wlan.active(True)

    def connected(self):
        """True while the station has joined and has an address."""
        return self._wlan.isconnected()

    async def join(self, timeout_ms):
        """Join, or raise WifiError after `timeout_ms`; several may ask at the same time."""
        async with self._lock:
            if not self._wlan.isconnected():
                await self._join(timeout_ms)

    async def _join(self, timeout_ms):
        self.switch_on()
        self._wlan.connect(self._ssid, self._passphrase.decode() if self._passphrase else None)
        begin = time.ticks_ms()
        while not self._wlan.isconnected():
            if time.ticks_diff(time.ticks_ms(), begin) > timeout_ms:
                status = self._wlan.status()
                self._wlan.disconnect()
                raise WifiError("network %s not joined (status %d)" % (self._ssid, status))
            await asyncio.sleep_ms(_STEP_MS)
        self.joins += 1

    def rssi(self):
        """Return the strength of the access point's signal in dBm, or None while there is none."""
        try:
            return self._wlan.status("rssi") or None
        except (OSError, ValueError, TypeError):  # not joined; or a firmware that does not say it
            return None
