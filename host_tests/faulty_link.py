"""A link between a mote and its broker that can be made to fail in every way that links, and brokers behind them, do.

A FaultyLink accepts on a port of the loopback and hands on to the broker's. What it does meanwhile is its Fault, which
may be changed at any time and is in force at once, for connections that are open too.
"""

import contextlib
import random
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from hostile import LOOPBACK
from ironmote.demo.wire import Direction, Splitter

_CHUNK = 16_384
_LOOK_S = 0.05  # how often a connection looks for another fault while nothing comes
_PUBLISH, _PUBACK, _CONNACK = 3, 4, 2
_DUP = 0x08


@dataclass(frozen=True)
class Fault:
    """What a link does to what crosses it. The default is nothing.

    `reset_after` counts bytes of `reset_in`'s direction in each connection; with `reset_once` only the first one ends.
    `share` is how many of the packets a packet-aware fault meets, 0 to 1. TLS has no packets that a link could know:
    there only the kinds that need none have an effect.
    """

    refuses: bool = False  # closes what it accepted
    silent: bool = False  # accepts, takes all and answers nothing
    stalls: bool = False  # neither takes nor gives; connections stay open
    swallows: Direction | None = None  # takes what goes this way and passes nothing of it on
    reset_after: int | None = None
    reset_in: Direction = Direction.UP
    piece: int = 0  # bytes in a piece, 0 for all that there is
    pause_s: float = 0.0  # after each piece
    delay_s: float = 0.0  # each way, however much is sent meanwhile
    duplicates: bool = False  # PUBLISH again with DUP, both ways, and PUBACK twice
    reorders: bool = False  # a packet to the mote comes after the one behind it
    swallows_pubacks: bool = False
    wrong_ids: bool = False  # PUBACKs with an id under which nothing is on its way, in place of the true one
    share: float = 1.0

    @property
    def knows_packets(self) -> bool:
        """True where it has to see whole packets."""
        return self.duplicates or self.reorders or self.swallows_pubacks or self.wrong_ids


NONE = Fault()


@dataclass
class _Connection:
    near: socket.socket
    far: socket.socket | None
    passed: dict[Direction, int] = field(default_factory=lambda: {Direction.UP: 0, Direction.DOWN: 0})
    waiting: set[int] = field(default_factory=set)  # packet ids that the mote has not seen acknowledged
    splitter: Splitter = field(default_factory=Splitter)
    lost: bool = False  # nothing passes any more, and nobody is told
    ended: threading.Event = field(default_factory=threading.Event)

    def end(self, *, reset: bool = False) -> None:
        """Close both ends, `reset` with RST."""
        if self.ended.is_set():
            return
        self.ended.set()
        for each in (self.near, self.far):
            if each is None:
                continue
            with contextlib.suppress(OSError):
                if reset:
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                else:
                    each.shutdown(socket.SHUT_RDWR)
            each.close()


class FaultyLink:
    """The way to `host`:`port`, at `self.port`. `sessions` counts the connections that were accepted."""

    def __init__(self, port: int, host: str = LOOPBACK, seed: int = 0, fault: Fault = NONE) -> None:
        self.fault = fault
        self.target = (host, port)
        self.sessions = 0
        self.hits = 0  # resets, and packets that were not passed on as they were
        self.passed: Callable[[Direction, bytes], None] = lambda direction, packet: None  # told of each whole packet
        self.longest: dict[Direction, int] = {Direction.UP: 0, Direction.DOWN: 0}
        self._random = random.Random(seed)
        self._open: list[_Connection] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server((LOOPBACK, 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def become(self, fault: Fault) -> None:
        """Fail like this from now on."""
        self.fault = fault

    def cut(self, *, reset: bool = True) -> None:
        """End every connection."""
        with self._lock:
            connections, self._open = self._open, []
        for each in connections:
            each.end(reset=reset)

    def lose(self) -> None:
        """Let nothing pass on the connections there are, and tell nobody: as where a router forgets them."""
        with self._lock:
            for each in self._open:
                each.lost = True

    def close(self) -> None:
        """Accept nothing more, and end what there is."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self.sessions += 1
            fault = self.fault
            if fault.refuses:
                near.close()
                continue
            far = None
            if not fault.silent:
                try:
                    far = socket.create_connection(self.target, 5)
                except OSError:
                    near.close()
                    continue
            connection = _Connection(near, far)
            for each in (near, far):
                if each is not None:
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    each.settimeout(_LOOK_S)
            with self._lock:
                self._open = [other for other in self._open if not other.ended.is_set()] + [connection]
            threading.Thread(target=self._carry, args=(connection, Direction.UP), daemon=True).start()
            if far is not None:
                threading.Thread(target=self._carry, args=(connection, Direction.DOWN), daemon=True).start()

    def _carry(self, connection: _Connection, direction: Direction) -> None:
        up = direction is Direction.UP
        source, sink = (connection.near, connection.far) if up else (connection.far, connection.near)
        assert source is not None
        carrier = _Carrier(self, connection, direction, sink)
        with contextlib.suppress(OSError):
            while not connection.ended.is_set():
                if self.fault.stalls:
                    time.sleep(_LOOK_S)
                    continue
                try:
                    data = source.recv(_CHUNK)
                except TimeoutError:
                    carrier.idle()
                    continue
                if not data:
                    carrier.idle()
                    break
                carrier.take(data)
        carrier.end()

    def chance(self, share: float) -> bool:
        return self._random.random() < share

    def number(self, end: int) -> int:
        return self._random.randrange(end)


class _Carrier:
    """One direction of one connection."""

    def __init__(self, link: FaultyLink, connection: _Connection, direction: Direction, sink: socket.socket | None):
        self._link = link
        self._connection = connection
        self._direction = direction
        self._sink = sink
        self._held: bytes = b""
        self._later: _Later | None = None

    def end(self) -> None:
        if self._later is not None:
            self._later.end()
        else:
            self._connection.end()

    def idle(self) -> None:
        """Nothing more comes for now: what was held back goes."""
        held, self._held = self._held, b""
        self._send(held)

    def take(self, data: bytes) -> None:
        """Pass on `data`, or not, as the fault in force has it."""
        fault = self._link.fault
        if self._sink is None or self._connection.lost or fault.silent or fault.swallows is self._direction:
            return
        # Every byte of MQTT goes through the splitter, so that packets can be known whenever a fault needs them.
        packets = self._connection.splitter.feed(self._direction, data)
        for packet in packets:
            for each in self._changed(packet.data):
                self._send(each)
                self._link.passed(self._direction, each)

    def _changed(self, packet: bytes) -> list[bytes]:
        """What goes on in the place of `packet`."""
        fault, kind = self._link.fault, packet[0] >> 4
        waiting = self._connection.waiting
        if self._direction is Direction.UP and kind == _PUBLISH and (number := packet_id(packet)) is not None:
            waiting.add(number)
        if not fault.knows_packets or not self._link.chance(fault.share):
            if kind == _PUBACK and self._direction is Direction.DOWN:
                waiting.discard(int.from_bytes(packet[2:4], "big"))
            return self._after(packet)
        out = [packet]
        if kind == _PUBACK and self._direction is Direction.DOWN:
            number = int.from_bytes(packet[2:4], "big")
            if fault.swallows_pubacks:
                out = []
            elif fault.wrong_ids:
                wrong = self._link.number(65536)
                out = [] if wrong in waiting else [packet[:2] + wrong.to_bytes(2, "big")]
            elif fault.duplicates:
                out = [packet, packet]
                waiting.discard(number)
        elif kind == _PUBLISH and fault.duplicates and packet[0] & 0x06:
            out = [packet, bytes([packet[0] | _DUP]) + packet[1:]]
        if out != [packet]:
            self._link.hits += 1
        if fault.reorders and self._direction is Direction.DOWN and not self._held and kind != _CONNACK:
            self._link.hits += 1
            self._held = packet
            return []
        return self._after(*out)

    def _after(self, *packets: bytes) -> list[bytes]:
        held, self._held = self._held, b""
        return [*packets, held] if held else list(packets)

    def _send(self, data: bytes) -> None:
        fault = self._link.fault
        if not data or self._sink is None:
            return
        if fault.delay_s and self._later is None:
            self._later = _Later(self._link, self._connection, self._sink)
        if self._later is not None:
            self._later.put(time.monotonic() + fault.delay_s, data)
            return
        size = fault.piece or len(data)
        for begin in range(0, len(data), size):
            self._pass(data[begin : begin + size])
            if fault.pause_s and self._connection.ended.wait(fault.pause_s):
                return

    def _pass(self, data: bytes) -> None:
        fault, passed = self._link.fault, self._connection.passed
        if fault.reset_after is not None and fault.reset_in is self._direction:
            left = fault.reset_after - passed[self._direction]
            if left <= len(data):
                self._write(data[: max(left, 0)])
                self._link.hits += 1
                self._connection.end(reset=True)
                raise ConnectionResetError
        self._write(data)

    def _write(self, data: bytes) -> None:
        assert self._sink is not None
        passed = self._connection.passed
        view = memoryview(data)
        while view and not self._connection.ended.is_set():
            with contextlib.suppress(TimeoutError):
                sent = self._sink.send(view)
                passed[self._direction] += sent
                view = view[sent:]
        self._link.longest[self._direction] = max(self._link.longest[self._direction], passed[self._direction])


class _Later:
    """Bytes on a long way: each arrives `delay_s` after it was sent, and the way holds any number of them."""

    def __init__(self, link: FaultyLink, connection: _Connection, sink: socket.socket) -> None:
        self._connection = connection
        self._sink = sink
        self._changed = threading.Condition()
        self._queue: list[tuple[float, bytes]] = []
        self._over = False
        threading.Thread(target=self._deliver, daemon=True).start()

    def put(self, when: float, data: bytes) -> None:
        with self._changed:
            self._queue.append((when, data))
            self._changed.notify()

    def end(self) -> None:
        with self._changed:
            self._over = True
            self._changed.notify()

    def _deliver(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                with self._changed:
                    while not self._queue and not self._over:
                        self._changed.wait()
                    if not self._queue:
                        break
                    when, data = self._queue.pop(0)
                time.sleep(max(0.0, when - time.monotonic()))
                view = memoryview(data)
                while view and not self._connection.ended.is_set():
                    with contextlib.suppress(TimeoutError):
                        view = view[self._sink.send(view) :]
        self._connection.end()


def packet_id(packet: bytes) -> int | None:
    """The packet id of a PUBLISH, None at QoS 0."""
    if not packet[0] & 0x06:
        return None
    at = 1
    while packet[at] & 0x80:
        at += 1
    topic = int.from_bytes(packet[at + 1 : at + 3], "big")
    return int.from_bytes(packet[at + 3 + topic : at + 5 + topic], "big")
