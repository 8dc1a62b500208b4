"""A broker that sends a mote whatever it likes: packets that are none, do not end, are not due, or never come.

Runs on a simulated board, in simulated time, and then runs the mote itself: `main(count, seed, fleet, root)`. Each
*stream* is one generated sequence of bytes in one state of a session. The mote has to leave each session that does not
work within its deadlines, take no damage, and do its work with the good broker that comes now and then and at the end.
Prints `stream …` lines and at last `held`; anything else is a failure.
"""

import gc
import sys

import swift

swift.start()

import _hardware  # noqa: E402
import inner_net  # noqa: E402

sys.modules["socket"] = inner_net
_hardware.time_ns = swift.time_ns

from inner_broker import CONNECT, PUBLISH, SUBSCRIBE, Broker, Commander, packet, publish  # noqa: E402
from micropython import const  # noqa: E402
from seeded import Source  # noqa: E402

# What a session is like. Most go wrong after the mote has subscribed, where it believes most.
_GOOD, _NO_CONNACK, _BAD_CONNACK, _REFUSED, _BAD_SUBACK, _FULL, _SLOW, _CLOSED, _HOSTILE = range(9)
_STREAMS = const(6)  # in one session at most, where it lives so long
_LONGEST_MS = const(80_000)  # from what last went well to the next CONNECT: the longest pause and every deadline
_GOOD_MS = const(40_000)
_EDGES = b"\x00\x01\x02\x03\x7f\x80\x81\xfe\xff"
_GROWTH = const(1024)
_LONG = const(200)


class Hostile(Broker):
    """Plays one of the kinds of session with each connection."""

    def __init__(self, total, seed, commander):
        super().__init__()
        self._commander = commander
        self.total = total
        self.streams = 0
        self.by_kind = [0] * 9
        self.looks = 0
        self.heaps = [1 << 30, 1 << 30]  # the least in use in the first quarter and in the last
        self._source = Source(seed)
        self._kind = _GOOD
        self._down = None
        self._left = 0
        self._packet_id = b"\0\1"
        self._connected_ms = self._well_ms = swift.ticks_ms()
        self._longest_ms = 0
        self._good = 0
        self._sample = None  # a true message of the mote: not for it, and well-formed

    def connected(self, link):
        super().connected(link)
        now = swift.ticks_ms()
        self._longest_ms = max(self._longest_ms, now - self._well_ms)
        self._connected_ms = self._well_ms = now
        source = self._source
        kind = source.below(40)
        if self.streams >= self.total or kind == 0 or self._down is None:
            self._kind = _GOOD
            self._good = self.records
        elif kind < 8:
            self._kind = kind
        else:
            self._kind = _HOSTILE
        self.by_kind[self._kind] += 1
        self._left = _STREAMS
        if self._kind == _FULL:
            link.accepts = False
            self.streams += 1
        elif self._kind == _SLOW:
            link.most = 1 + source.below(9)
        elif self._kind == _CLOSED:
            self.streams += 1
            (link.end, link.reset)[source.below(2)](source.below(900))

    def takes(self, link, first, body):
        kind, source = first >> 4, self._source
        if kind == CONNECT and self._kind in (_NO_CONNACK, _BAD_CONNACK, _REFUSED):
            self.streams += 1
            if self._kind == _NO_CONNACK:
                self._say(link, self._stream())
            elif self._kind == _BAD_CONNACK:
                self._say(link, self._changed(b"\x20\x02\0\0"))
            else:
                link.say(b"\x20\x02" + bytes((source.below(2), 1 + source.below(255))))
            return
        if kind == SUBSCRIBE:
            size = body[2] << 8 | body[3]
            self._down = body[4 : 4 + size]
            if self._kind == _BAD_SUBACK:
                self.streams += 1
                self._say(link, self._changed(b"\x90\x03" + body[:2] + b"\x01"))
                return
        if kind == PUBLISH:
            end = 2 + (body[0] << 8 | body[1])
            self._packet_id = body[end : end + 2]
            self._sample = body[end + 2 :]
        # A hostile one is at times a good one for a while, else nothing of the mote would ever be in flight.
        if self._kind != _HOSTILE or source.below(3) or kind != PUBLISH:
            super().takes(link, first, body)
            if kind == PUBLISH:
                self._well_ms = swift.ticks_ms()
                if self._well_ms - self._connected_ms > _GOOD_MS:
                    link.end()  # only one that works: from all others the mote has to part by itself
        if self._kind in (_HOSTILE, _SLOW) and (kind == PUBLISH or source.below(8) == 0):
            self._attack(link)
        elif self._kind == _GOOD and self._commander.sent and self.last[0][-4:] == b"/ack":
            self._finish()
        elif self._kind == _GOOD and self.records - self._good == 8:
            self._good -= 1000
            self._look()

    def _attack(self, link):
        if self._left and self.streams < self.total:
            self._left -= 1
            self.streams += 1
            self._say(link, self._stream())

    def _say(self, link, data):
        """Send `data` at once, in pieces, or byte by byte and never to an end."""
        source = self._source
        way = source.below(8)
        if way == 0 and len(data) > 1:
            at = 1 + source.below(len(data) - 1)
            link.say(data[:at])
            link.say(data[at:], source.below(700))
        elif way == 1:
            for i in range(min(len(data), 24)):
                link.say(data[i : i + 1], 40 * i)
        elif way == 2:  # no end
            data = data[: 1 + source.below(len(data))] if data else b"\x30"
            for i in range(min(len(data), 12)):
                link.say(data[i : i + 1], 400 * i)
        else:
            link.say(data)
        if source.below(12) == 0:
            (link.end, link.reset)[source.below(2)](source.below(500))

    def _stream(self):
        source = self._source
        made = b""
        for _ in range(1 + source.below(4)):
            if len(made) < _LONG:  # what would be longer is taken out of a small heap in one piece
                made += self._packet()
        return made

    def _packet(self):
        source = self._source
        which = source.below(16)
        down = self._down or b"sealed/x/down"
        if which == 0:
            return source.bytes(source.below(40))
        if which == 1:  # of any kind, with any content
            return packet(source.below(256), source.bytes(source.below(24)))
        if which == 2:  # a length that no packet has
            return bytes((source.below(256),)) + b"\xff" * source.below(6) + bytes((_EDGES[source.below(9)],))
        if which == 3:  # a long one that is announced, and some of it
            return bytes((0x30 | source.below(16), 0x80 | source.below(128), 1 + source.below(127))) + source.bytes(20)
        if which == 4:
            return publish(down, source.bytes(source.below(200)), 0x30 | source.below(16), source.below(65536))
        if which == 5:
            return publish(source.bytes(source.below(40)), source.bytes(source.below(40)), 0x30 | source.below(16))
        if which == 6:  # a topic that is longer than its packet
            return packet(0x32, bytes((source.below(256), source.below(256))) + source.bytes(source.below(12)))
        if which == 7:
            return packet(0x40, self._packet_id if source.below(2) else source.bytes(source.below(5)))
        if which == 8:
            return packet((0x20, 0x90, 0xD0, 0xB0, 0x50)[source.below(5)], source.bytes(source.below(5)))
        if which == 9:  # what only a client sends
            return packet((0x10, 0x82, 0xC0, 0xE0, 0xA2)[source.below(5)], source.bytes(source.below(30)))
        if which == 10 and self._sample:
            return publish(down, self._sample, packet_id=source.below(65536))
        if which == 11 and self._sample:
            return publish(down, self._changed(self._sample), 0x30 | source.below(16))
        if which == 12:  # as long as a packet can be, and one more
            return publish(down, bytes(1536 - 2 - len(down) - 5 + source.below(4)))
        if which == 13:
            return packet(0x32, b"")
        whole = publish(down, source.bytes(source.below(30)))
        return self._changed(whole)

    def _changed(self, data):
        source = self._source
        made = bytearray(data)
        for _ in range(1 + source.below(4)):
            if not made:
                break
            at = source.below(len(made))
            what = source.below(4)
            if what == 0:
                made[at] ^= 1 << source.below(8)
            elif what == 1:
                made[at] = _EDGES[source.below(9)]
            elif what == 2:
                made = made[:at]
            else:
                made = made[:at] + source.bytes(1 + source.below(4)) + made[at:]
        return bytes(made)

    def _look(self):
        """A good session has brought what was waiting: see what the heap holds, and whether that was all."""
        gc.collect()
        used = gc.mem_alloc()
        self.looks += 1
        if self.looks > 1:  # the first comes before buffers and caches have their size
            for i, when in enumerate((self.streams < self.total // 4, self.streams > self.total * 3 // 4)):
                if when:
                    self.heaps[i] = min(self.heaps[i], used)
        if self.looks % 16 == 1 or self.streams >= self.total:
            print("stream %d: %d bytes in use, %d sessions" % (self.streams, used, self.sessions))
        if self.streams >= self.total:
            self._commander.sees(self.last[1])
            self.link.say(publish(self._down, self._commander.order("relay", 1)))

    def _finish(self):
        grown = self.heaps[1] - self.heaps[0]
        print("stream kinds:", self.by_kind)
        print("stream heap: %+d bytes from the first quarter to the last" % grown)
        print("stream longest: %d ms from what last went well to the next CONNECT" % self._longest_ms)
        if grown > _GROWTH:
            raise swift.Wrong("the heap grew")
        if 1 << 30 in self.heaps:
            raise swift.Wrong("too few looks")
        print("held")
        raise swift.Over(0)


def _nobody():
    """Nothing is due; but a mote that has not dialled for so long hangs."""
    broker = inner_net.peer
    if swift.ticks_ms() - broker._well_ms > _LONGEST_MS:
        raise swift.Wrong("no CONNECT for %d ms; kind %d" % (swift.ticks_ms() - broker._well_ms, broker._kind))


def main(total, seed, fleet, root):
    """Throw `total` streams at the mote of this board, which is called cellar; `fleet` and `root` are its keys."""
    inner_net.peer = Hostile(total, seed, Commander("cellar", fleet, root))
    swift.horizon.append(_nobody)
    swift.live()
