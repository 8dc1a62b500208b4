"""Keeping the clock set: time servers are asked until one gave a time that can be true, then now and then.

Whoever is on the path can answer for them. So what they say is asked for again soon, less and less often while it
stays the same, and while there is no session never less than every few minutes: a time years ahead, from one liar,
makes every certificate expired, and must not do so for hours.
"""

import asyncio

from mote import const, log, uptime
from mote.wifi import WifiError

_STEP_MS = const(5000)
_DOUBT_MS = const(15_000)
_DOUBT_ALONE_MS = const(240_000)  # while there is no session
_PERIOD_MS = const(21_600_000)  # 6 hours
_SAME_S = const(5)
_MOVED_S = const(60)
_NOT_SET = "not set: no certificate can be judged, nothing is sent"
_SAID_MS = const(10_000)
_LOOK_MS = const(100)
_LONGEST_WAIT_S = const(604800)  # between the sealing of a command and its deadline (docs/PROTOCOL.md, section 3)


class Timekeeper:
    """Sets `clock` by the servers of `settings.ntp` (names with commas between), over `wifi`; raises `floor`."""

    def __init__(self, clock, floor, wifi, settings):
        self._clock = clock
        self._floor = floor
        self._wifi = wifi
        self._hosts = [host.strip() for host in settings.ntp.split(",") if host.strip()]
        self._turn = 0
        self._timeout_ms = settings.timeout_ms
        self._doubted = False

    async def run(self, link):
        """Keep time for ever."""
        waited = due = 0
        doubt = _DOUBT_MS
        while True:
            if self._hosts and waited >= due:
                moved = await self._ask()
                waited = 0
                if moved is None:
                    due = _STEP_MS
                else:
                    doubt = _DOUBT_MS if moved > _SAME_S else min(doubt * 2, _PERIOD_MS if link.up else _DOUBT_ALONE_MS)
                    due = doubt
            await asyncio.sleep_ms(_STEP_MS)
            waited += _STEP_MS
            if not link.up:
                due = min(due, _DOUBT_ALONE_MS)
            if self._doubted:
                self._doubted = False
                due = doubt = min(due, _DOUBT_MS)
            apart = self._clock.hold()
            if apart > _MOVED_S:
                log.warn("clock", "the board's clock had moved, and was set back:", apart, "s")

    async def known(self):
        """Wait for a time at which certificates can be judged."""
        if self._clock.now() is not None:
            return
        # Every start has this for a moment; a status that told of it as a warning would alarm for nothing.
        begun = uptime.ms()
        log.say("clock", _NOT_SET)
        warned = False
        while self._clock.now() is None:
            if not warned and uptime.ms() - begun > _SAID_MS:
                warned = True
                log.warn("clock", _NOT_SET)
            await asyncio.sleep_ms(_LOOK_MS)
        log.say("clock", "set")

    def told(self, deadline):
        """A command that verified says `deadline`, or None: at most a week before it, the gateway's clock was there.

        The floor rises to no more than what the mote's own clock says too: a gateway whose clock is ahead cannot lock
        it out, and neither can a time server alone.
        """
        now = self._clock.now()
        if deadline is None or now is None:
            return
        over = deadline - _LONGEST_WAIT_S
        # The clock is behind what the gateway says, or ahead of what it would not have sent any more: ask again soon.
        self._doubted = self._doubted or over > now or deadline < now
        self._floor.rise(min(over, now))
        self._clock.floor = self._floor.seconds

    async def _ask(self):
        """Ask the next server; return by how many seconds its answer moved the clock, or None where it did not."""
        host = self._hosts[self._turn]
        self._turn = (self._turn + 1) % len(self._hosts)
        try:
            await self._wifi.join(self._timeout_ms)
            moved = self._clock.ask(host)
            if moved is not None:
                log.debug("clock", "set, moved by", moved, "s")
                return moved
            log.warn("clock", "the time server's answer is no time, or none that can be true; not taken")
        except (OSError, WifiError) as error:
            log.warn("clock", "no answer:", repr(error))
        return None
