"""A passive eavesdropper: a TCP relay between a mote and its broker that passes every byte on and looks at it.

It changes nothing and answers nothing, so whatever it shows, anyone on the path could have seen.
"""

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from ..brokers import Endpoint
from .wire import Direction, Packet, Splitter

_CHUNK = 16_384
_KEPT = 64
_LOOPBACK = "127.0.0.1"


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
        self.bytes_seen = {Direction.UP: 0, Direction.DOWN: 0}
        self.connections = 0
        self._target = target
        self._on_bytes = on_bytes
        self._kept: deque[Captured] = deque(maxlen=_KEPT)
        self._lock = threading.Lock()

    def captured(self) -> list[Captured]:
        """The last packets of both directions, oldest first."""
        with self._lock:
            return list(self._kept)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Relay one connection until either end has gone, or the taps are closed."""
        self.connections += 1
        with contextlib.suppress(asyncio.CancelledError):
            await self._join(reader, writer)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(self._target.host, self._target.port)
        except OSError:
            writer.close()
            return
        link = Splitter()
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._relay(Direction.UP, reader, far_writer, link))
                both.create_task(self._relay(Direction.DOWN, far_reader, writer, link))
        except* OSError:
            pass
        finally:
            for each in (writer, far_writer):
                with contextlib.suppress(OSError, RuntimeError):
                    each.close()

    async def _relay(
        self, direction: Direction, source: asyncio.StreamReader, sink: asyncio.StreamWriter, link: Splitter
    ) -> None:
        while data := await source.read(_CHUNK):
            sink.write(data)
            await sink.drain()
            self.bytes_seen[direction] += len(data)
            if self._on_bytes is not None:
                self._on_bytes(direction, data)
            with self._lock:
                self._kept.extend(Captured(time.time(), direction, each) for each in link.feed(direction, data))
        with contextlib.suppress(OSError):
            sink.write_eof()


class Taps:
    """All taps of a demo, on one thread of their own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="taps", daemon=True)
        self._thread.start()

    def add(self, target: Endpoint, on_bytes: Callable[[Direction, bytes], None] | None = None) -> Tap:
        """A new tap in front of `target`, already listening. `on_bytes` sees everything, on the taps' thread."""
        tap = Tap(target, on_bytes)
        asyncio.run_coroutine_threadsafe(self._listen(tap), self._loop).result()
        return tap

    def close(self) -> None:
        """Cut every link and end the thread."""
        if self._loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self, tap: Tap) -> None:
        server = await asyncio.start_server(tap.serve, _LOOPBACK, 0)
        tap.port = server.sockets[0].getsockname()[1]

    async def _end(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
