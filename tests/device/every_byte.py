"""The connection is reset behind each byte of a session, in both directions, one session after the other.

Runs on a simulated board, in simulated time, and then runs the mote itself: `main(first, end, step, fleet, root)`. Each
session that is reset behind byte N is followed by one that works until what waited has come. What arrives is opened,
and each number of a record must come: a reset at no byte may lose one. Prints `held` at last.
"""

import sys

import swift

swift.start()

import _hardware  # noqa: E402
import inner_net  # noqa: E402

sys.modules["socket"] = inner_net
_hardware.time_ns = swift.time_ns

from inner_broker import Broker  # noqa: E402
from micropython import const  # noqa: E402

_UP, _DOWN = const(0), const(1)
_LONGEST_MS = const(80_000)
_LATEST = const(1000)  # records in one session after which none is late any more, but lost


class Shears(Broker):
    """Cuts every other session, each behind another byte."""

    def __init__(self, first, end, step, fleet, root):
        super().__init__()
        self._next = _UP, first
        self._first = first
        self._end = end
        self._step = step
        self._fleet = fleet
        self._root = root
        self._context = None
        self._number = 0  # the highest number that came, and all before it did
        self._ahead = set()
        self._again = self._cut_count = 0
        self._cut = None
        self._passed = [0, 0]
        self._well_ms = swift.ticks_ms()

    def connected(self, link):
        super().connected(link)
        self._passed = [0, 0]
        self._good = 0
        # After each that is cut one that is not, so that the pause before the next stays short.
        if self._cut is None:
            self._cut = self._next
            self._turn()
        else:
            self._cut = None
        self._link_say = link.say
        link.say = self._say

    def _turn(self):
        """Go on to the next place to cut at: every byte going up, then the first quarter as many coming down."""
        if self._next is None:
            return
        way, at = self._next
        at += self._step
        if at >= (self._end if way == _UP else self._end // 4):
            self._next = (_DOWN, self._first) if way == _UP else None
        else:
            self._next = way, at

    def _say(self, data, after_ms=0):
        if self._cut and self._cut[0] == _DOWN:
            left = self._cut[1] - self._passed[_DOWN]
            self._passed[_DOWN] += len(data)
            if left <= len(data):
                self._link_say(data[: max(left, 0)])
                self._reset()
                return
        self._link_say(data)

    def _reset(self):
        if not self.link.gone:
            self.link.gone = True
            self._cut_count += 1
            # What is on its way still arrives, as it may.
            self.link.reset(1)

    def heard(self, link, data):
        if link is not self.link or link.gone:
            return
        if self._cut and self._cut[0] == _UP:
            left = self._cut[1] - self._passed[_UP]
            self._passed[_UP] += len(data)
            if left <= len(data):
                super().heard(link, data[: max(left, 0)])
                self._reset()
                return
        super().heard(link, data)

    def takes(self, link, first, body):
        super().takes(link, first, body)
        if first >> 4 == 3 and self.last[0][-3:] == b"/up":
            self._take(self.last[1])
            self._well_ms = swift.ticks_ms()
            self._good += 1
            if self._next is None and self._cut is None:
                # What waited in the mote's flash may come behind what is newer.
                if not self._ahead:
                    self._finish()
                elif self._good > _LATEST:
                    raise swift.Wrong("record %d never came" % (self._number + 1))
            elif self._cut is None and self._good == 2:
                link.end()

    def _take(self, payload):
        """Open a record, and note that its number came."""
        from mote import cbor, keys, sealed

        envelope = sealed.parse(payload, sealed.MAX_UP)
        if self._context is None:
            key = keys.subkey(self._root, self._fleet, keys.SEAL)
            self._context = sealed.Context(key, self._fleet, sealed.UPLINK, envelope.epoch)
        plain = self._context.open(envelope, b"cellar/up")
        for value in cbor.decode(plain, 4, 512)[0].values():
            if isinstance(value, str) and value.count(".") == 2:
                number = int(value.split(".")[2])
        if number <= self._number or number in self._ahead:
            self._again += 1
        else:
            self._ahead.add(number)
        while self._number + 1 in self._ahead:
            self._number += 1
            self._ahead.discard(self._number)

    def _finish(self):
        print("cut: %d sessions, %d records, %d of them came again" % (self._cut_count, self._number, self._again))
        print("held")
        raise swift.Over(0)


def _nobody():
    """Nothing is due; but a mote of which nothing has come for so long has given up."""
    if swift.ticks_ms() - inner_net.peer._well_ms > _LONGEST_MS:
        raise swift.Wrong("nothing came for %d ms" % _LONGEST_MS)


def main(first, end, step, fleet, root):
    """Cut the sessions of the mote of this board, which is called cellar, behind bytes `first`, … below `end`."""
    inner_net.peer = Shears(first, end, step, fleet, root)
    swift.horizon.append(_nobody)
    swift.live()
