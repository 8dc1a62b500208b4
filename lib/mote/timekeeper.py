"""Keeping the clock set: the time server is asked until it gave a time that can be true, then now and then."""

import asyncio

from mote import const, log
from mote.wifi import WifiError

_RETRY_MS = const(5000)
_PERIOD_MS = const(21_600_000)  # 6 hours
_DOUBT_MS = const(15_000)


class Timekeeper:
    """Sets `clock` by the server of `settings.ntp`, over `wifi`."""

    def __init__(self, clock, wifi, settings):
        self._clock = clock
        self._wifi = wifi
        self._host = settings.ntp
        self._timeout_ms = settings.timeout_ms

    async def run(self, link):
        """Keep time for ever; at once done where the settings name no server.

        While `link` has no session the server is asked sooner, less and less often: a time years ahead, from one
        liar, makes every certificate expired, and must not do so for hours.
        """
        doubt = _DOUBT_MS
        while self._host:
            waited = 0
            if await self._ask():
                while waited < _PERIOD_MS and (link.up or waited < doubt):
                    await asyncio.sleep_ms(_DOUBT_MS)
                    waited += _DOUBT_MS
                doubt = _DOUBT_MS if link.up else min(doubt * 2, _PERIOD_MS)
            else:
                await asyncio.sleep_ms(_RETRY_MS)

    async def _ask(self):
        """Ask once; return whether the answer was taken."""
        try:
            await self._wifi.join(self._timeout_ms)
            if self._clock.ask(self._host):
                return True
            log.say("clock", "the time server's answer is no time, or none that can be true; not taken")
        except (OSError, WifiError) as error:
            log.say("clock", repr(error))
        return False
