"""What a mote says of itself: the status map, told when a session begins and when something in it matters."""

import gc
import sys

from mote import guard, uptime


class Health:
    """The status of one mote; `boot` is the counter of its epoch, `refused` counts downlinks that did not verify."""

    def __init__(self, board, channel, why):
        self._board = board
        self._channel = channel
        self._why = why
        self.boot = 0
        self.refused = 0

    def watch(self, roots, sampler, protection, link):
        """Take what it reports from these parts."""
        self._roots = roots
        self._sampler = sampler
        self._protection = protection
        self._link = link

    def status(self, connection, online):
        """Return the status map; the will is its short form."""
        status = {"online": online, "boot": self.boot, "connection": connection}
        if online:
            gc.collect()  # so that `free` is what could be had
            status.update(
                {
                    "channel": self._channel,
                    "why": self._why,
                    "board": self._board,
                    "generation": self._roots.generation,
                    "reset": guard.cause(),
                    "firmware": "%d.%d.%d" % sys.implementation[1][:3],
                    "free": gc.mem_free(),
                    "used": gc.mem_alloc(),
                    "missing": list(self._sampler.missing),
                    "dropped": self._link.outbox.dropped,
                    "refused": self.refused,
                    "uptime": uptime.ms() // 1000,
                }
            )
            if self._protection.down >= 0:
                status["down"] = self._protection.down
        return status
