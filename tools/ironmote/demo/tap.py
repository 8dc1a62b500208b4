"""An eavesdropper: a TCP relay between a mote and its broker that passes every byte on and looks at it.

It changes nothing and answers nothing, so whatever it shows, anyone on the path could have seen. Only when it is told
to attack (`Taps.inject`) does it say something itself, in the mote's name.
"""

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from ..brokers import Endpoint
from ..errors import IronmoteError
from .wire import Direction, Kind, Packet, Splitter

_CHUNK = 16_384
_KEPT = 64
_LOOPBACK = "127.0.0.1"
_INJECT_S = 5.0
_PAUSE_S = 0.01


@dataclass(frozen=True)
class Captured:
    """A packet as it crossed the link."""

    at: float  # seconds since 1970
    direction: Direction
    packet: Packet


class Tap:
    """One tapped link. Start it through `Taps`; `port` is where the mote connects then."""

    def __init__(self, target: Endpoint, on_bytes: Callable[[Direction, bytes], None] | None) -> None:
        self.port = 0
        self._target = target
        self._on_bytes = on_bytes
        self._kept: deque[Captured] = deque(maxlen=_KEPT)
        self._lock = threading.Lock()
        self._opening: Packet | None = None
        self._live: tuple[asyncio.StreamWriter, Splitter] | None = None

    @property
    def opening(self) -> Packet | None:
        """The last CONNECT in the clear, or None."""
        return self._opening

    def captured(self) -> list[Captured]:
        """The last packets of both directions, oldest first."""
        with self._lock:
            return list(self._kept)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Relay one connection until either end has gone, or the taps are closed. The root of a task of its own."""
        try:
            far_reader, far_writer = await asyncio.open_connection(self._target.host, self._target.port)
        except OSError:
            writer.close()
            return
        link = Splitter()
        self._live = live = (far_writer, link)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._relay(Direction.UP, reader, far_writer, link))
                both.create_task(self._relay(Direction.DOWN, far_reader, writer, link))
        except* OSError:
            pass
        except* asyncio.CancelledError:
            pass  # the taps are closed; nobody waits above this for a cancellation to go on
        finally:
            if self._live is live:
                self._live = None
            for each in (writer, far_writer):
                with contextlib.suppress(OSError, RuntimeError):
                    each.close()

    async def _relay(
        self, direction: Direction, source: asyncio.StreamReader, sink: asyncio.StreamWriter, link: Splitter
    ) -> None:
        while data := await source.read(_CHUNK):
            sink.write(data)
            # Before anything else can run: `inject` has to know whether a packet is under way.
            packets = link.feed(direction, data)
            await sink.drain()
            if self._on_bytes is not None:
                self._on_bytes(direction, data)
            with self._lock:
                self._kept.extend(Captured(time.time(), direction, each) for each in packets)
                self._opening = next((each for each in packets if each.kind is Kind.MQTT_CONNECT), self._opening)
        with contextlib.suppress(OSError):
            sink.write_eof()

    async def inject(self, packet: bytes) -> None:
        """Send `packet` to the broker between two of the mote's own. TimeoutError where there is no place for it."""
        async with asyncio.timeout(_INJECT_S):
            while (live := self._live) is None or not live[1].between(Direction.UP):
                await asyncio.sleep(_PAUSE_S)
            live[0].write(packet)
            await live[0].drain()


class Taps:
    """All taps of a demo, on one thread of their own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._servers: list[asyncio.Server] = []
        self._links: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="taps", daemon=True)
        self._thread.start()

    def add(self, target: Endpoint, on_bytes: Callable[[Direction, bytes], None] | None = None) -> Tap:
        """A new tap in front of `target`, already listening. `on_bytes` sees everything, on the taps' thread."""
        tap = Tap(target, on_bytes)
        asyncio.run_coroutine_threadsafe(self._listen(tap), self._loop).result()
        return tap

    def inject(self, tap: Tap, packet: bytes) -> None:
        """Slip `packet` into the live session of a tapped link. IronmoteError where there is none for too long."""
        try:
            asyncio.run_coroutine_threadsafe(tap.inject(packet), self._loop).result()
        except OSError as error:  # TimeoutError is one
            raise IronmoteError(f"nothing could be slipped into the link: {error or 'no session'}") from error

    def close(self) -> None:
        """Cut every link and end the thread."""
        if self._loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self, tap: Tap) -> None:
        # Not a coroutine: asyncio would look into each link's task when it ends, and complain where it was cancelled.
        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            link = self._loop.create_task(tap.serve(reader, writer))
            self._links.add(link)
            link.add_done_callback(self._links.discard)
            link.add_done_callback(lambda _: writer.close())  # one that was cancelled before it ran has not

        server = await asyncio.start_server(connected, _LOOPBACK, 0)
        self._servers.append(server)
        tap.port = server.sockets[0].getsockname()[1]

    async def _end(self) -> None:
        for server in self._servers:
            server.close()
        while others := asyncio.all_tasks() - {asyncio.current_task()}:  # a task may have begun others
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)  # what they closed is closed in the next turn
