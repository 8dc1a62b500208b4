"""Hours of a mote's life in minutes: records, pings, orders and outages, and what the heap holds all along.

Runs on a simulated board, in simulated time, and then runs the mote itself: `main(minutes, seed, fleet, root)`. Prints
a line an interval, and at last `held`; what grows, or is not done, is a failure.
"""

import gc
import sys

import swift

swift.start()

import _hardware  # noqa: E402
import inner_net  # noqa: E402

sys.modules["socket"] = inner_net
_hardware.time_ns = swift.time_ns

from inner_broker import PUBLISH, SUBSCRIBE, Broker, Commander, publish  # noqa: E402
from micropython import const  # noqa: E402

_INTERVALS = const(12)
_ORDER_MS = const(30_000)
_CALM_MS = const(20_000)  # after a CONNECT: what had waited is delivered
_GROWTH = const(1024)


class Day(Broker):
    """A good broker on a bad link: connections end every few minutes, in one way or another."""

    def __init__(self, minutes, seed, commander):
        super().__init__()
        self._commander = commander
        self._seed = seed
        self._begun = swift.ticks_ms()
        self._interval_ms = minutes * 60_000 // _INTERVALS
        self._next_order = 0
        self._until = 0  # when this connection ends
        self._deaf = False
        self._since = 0
        self._most = 0
        self.marks = []

    def _below(self, end):
        self._seed = (self._seed * 1103515245 + 12345) & 0x7FFFFFFF
        return (self._seed >> 8) % end

    def connected(self, link):
        super().connected(link)
        self._since = swift.ticks_ms()
        self._deaf = False
        self._until = self._since + 60_000 + self._below(120_000)
        if self._below(4) == 0:  # nobody answers for a while: enough waits for the outbox to be full
            self._deaf = True

    def takes(self, link, first, body):
        now = swift.ticks_ms()
        if self._deaf:
            return
        if now > self._until:
            self._deaf = self._below(3) == 0
            if not self._deaf:
                (link.end, link.reset)[self._below(2)]()
            return
        super().takes(link, first, body)
        kind = first >> 4
        if kind == SUBSCRIBE:
            size = body[2] << 8 | body[3]
            self._down = body[4 : 4 + size]
        elif kind == PUBLISH:
            self._commander.sees(self.last[1])
            if now > self._next_order:
                self._next_order = now + _ORDER_MS
                link.say(publish(self._down, self._commander.order("relay", self._commander.sent & 1)))
            elif now - self._since > _CALM_MS:
                self._look(now)

    def _look(self, now):
        gc.collect()
        self._most = max(self._most, gc.mem_alloc())
        if now - self._begun < self._interval_ms:
            return
        self._begun = now
        self.marks.append(self._most)
        words = "%d bytes in use at most, %d free, %d records, %d pings, %d orders obeyed, %d sessions"
        counts = (self._most, gc.mem_free(), self.records, self.pings, self.answers, self.sessions)
        print("interval %d:" % len(self.marks), words % counts)
        self._most = 0
        if len(self.marks) == _INTERVALS:
            self._finish()

    def _finish(self):
        # The first interval fills buffers and caches.
        third = _INTERVALS // 3
        grown = max(self.marks[-third:]) - max(self.marks[1 : 1 + third])
        print("interval heap: %+d bytes from the first third to the last" % grown)
        if grown > _GROWTH:
            raise swift.Wrong("the heap grew")
        if self.answers < self._commander.sent * 9 // 10:
            raise swift.Wrong("%d of %d orders were obeyed" % (self.answers, self._commander.sent))
        print("held")
        raise swift.Over(0)


def main(minutes, seed, fleet, root):
    """Run the mote of this board, which is called cellar, for so long; `fleet` and `root` are its keys."""
    inner_net.peer = Day(minutes, seed, Commander("cellar", fleet, root))
    execfile("/boot.py")  # noqa: F821  MicroPython has it
    try:
        execfile("/main.py")  # noqa: F821
    except Exception as error:
        sys.print_exception(error)
    print("the mote's program ended")
