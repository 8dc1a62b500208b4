"""The client for asyncio.

async with Client("broker.home", certificates="/etc/dashboard", user="dashboard") as fleet:
    print(await fleet.send("cellar", "relay", True))
    async for reading in fleet.readings():
        print(reading)
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import Generic, TypeVar

from . import session
from .client import MOST_WAITING, UNKNOWN
from .messages import Outcome, Reading, Status, Value
from .session import Login, Session

T = TypeVar("T")


class Feed(Generic[T]):
    """What comes, one after the other; it ends when it or its client is closed.

    Where nobody reads it, the oldest are dropped: `dropped` says how many.
    """

    def __init__(self, client: "Client", leaf: str, motes: tuple[str, ...]) -> None:
        """For `readings` and `statuses`."""
        self.dropped = 0
        self._queue: asyncio.Queue[T | None] = asyncio.Queue(MOST_WAITING)
        self._client, self._leaf, self._motes = client, leaf, motes
        self._end: Callable[[], None] | None = None

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        if self._end is None:
            await self.begin()
        found = await self._queue.get()
        if found is None:
            self._put(None)
            raise StopAsyncIteration
        return found

    async def begin(self) -> None:
        """Subscribe, which the first turn of a loop does too. Raises NotConnected."""
        loop = asyncio.get_running_loop()

        def tell(item: T) -> None:
            with contextlib.suppress(RuntimeError):  # the loop was closed
                loop.call_soon_threadsafe(self._put, item)

        self._end = lambda: None
        self._end = await asyncio.to_thread(self._client.session.listen, self._leaf, self._motes, tell)

    def close(self) -> None:
        """End it."""
        if self._end is not None:
            self._end()
        self._put(None)

    def _put(self, item: T | None) -> None:
        while self._queue.full():
            self._queue.get_nowait()
            self.dropped += 1
        self._queue.put_nowait(item)


class Client:
    """A user of the fleet at the broker of its trusted zone; to be used in an `async with`."""

    def __init__(
        self, host: str, port: int = 8883, *, certificates: Path | str, user: str, server_name: str | None = None
    ) -> None:
        """As ironmote.client.Client."""
        self.session = Session(Login(host, port, Path(certificates), user, server_name))
        self._feeds: list[Feed[Reading] | Feed[Status]] = []

    async def __aenter__(self) -> "Client":
        await asyncio.to_thread(self.session.start)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for feed in self._feeds:
            feed.close()
        await asyncio.to_thread(self.session.stop)

    @property
    def connected(self) -> bool:
        """True while the broker is there; it is looked for again by itself."""
        return self.session.connected

    def readings(self, *motes: str) -> Feed[Reading]:
        """The readings of `motes`, or of all where none is named, each once, from the first turn of the loop on."""
        feed: Feed[Reading] = Feed(self, session.UP, motes)
        self._feeds.append(feed)
        return feed

    def statuses(self, *motes: str) -> Feed[Status]:
        """What `motes`, or all, say of themselves, first what they said last."""
        feed: Feed[Status] = Feed(self, session.STATE, motes)
        self._feeds.append(feed)
        return feed

    async def send(
        self, mote: str, name: str, value: Value, within_s: float = 20.0, for_s: int | None = None
    ) -> Outcome:
        """As Client.send. Raises CommandRefused, NotConnected."""
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[Outcome] = loop.create_future()

        def take(outcome: Outcome) -> None:
            if not answered.done():
                answered.set_result(outcome)

        def tell(outcome: Outcome) -> None:
            with contextlib.suppress(RuntimeError):  # the loop was closed
                loop.call_soon_threadsafe(take, outcome)

        waiting = await asyncio.to_thread(self.session.send, mote, name, value, within_s, for_s, tell)
        try:
            return await asyncio.wait_for(answered, within_s)
        except TimeoutError:
            return Outcome(mote, name, UNKNOWN, None, "no answer")
        finally:
            waiting.forget()
