"""The client for programs with threads."""

import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Generic, TypeVar

from . import session
from .messages import Outcome, Reading, Status, Value
from .session import Login, Session

T = TypeVar("T")
MOST_WAITING = 10_000  # of a feed that nobody reads
UNKNOWN = "unknown"


class Feed(Generic[T]):
    """What comes, one after the other; an iterator that waits, and ends when it or its client is closed.

    Where nobody reads it, the oldest are dropped: `dropped` says how many.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._queue: queue.Queue[T | None] = queue.Queue(MOST_WAITING)
        self._end: Callable[[], None] = lambda: None

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        found = self._queue.get()
        if found is None:
            self._queue.put(None)
            raise StopIteration
        return found

    def get(self, timeout_s: float) -> T | None:
        """The next, or None where nothing comes within `timeout_s`, or nothing more will."""
        try:
            found = self._queue.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if found is None:
            self._queue.put(None)
        return found

    def close(self) -> None:
        """End it."""
        self._end()
        self._put(None)

    def _put(self, item: T | None) -> None:
        while True:
            try:
                self._queue.put_nowait(item)
                return
            except queue.Full:
                try:
                    self._queue.get_nowait()
                    self.dropped += 1
                except queue.Empty:
                    pass


class Client:
    """A user of the fleet at the broker of its trusted zone; to be used in a `with`, from any thread."""

    def __init__(
        self, host: str, port: int = 8883, *, certificates: Path | str, user: str, server_name: str | None = None
    ) -> None:
        """`certificates` is the folder that `ironmote certificate USER --to FOLDER` wrote.

        `server_name` is the name in the broker's certificate, where that is not `host`. Raises NotConnected where the
        certificates are not there; it connects with `connect`, or at the `with`.
        """
        self._session = Session(Login(host, port, Path(certificates), user, server_name))
        self._feeds: list[Feed[Reading] | Feed[Status]] = []

    def __enter__(self) -> "Client":
        self.connect()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def connect(self, timeout_s: float = session.TIMEOUT_S) -> None:
        """Connect. Raises NotConnected. From here on it connects again by itself."""
        self._session.start(timeout_s)

    @property
    def connected(self) -> bool:
        """True while the broker is there; it is looked for again by itself."""
        return self._session.connected

    def close(self) -> None:
        """Take leave; feeds end."""
        for feed in self._feeds:
            feed.close()
        self._session.stop()

    def readings(self, *motes: str) -> Feed[Reading]:
        """The readings of `motes`, or of all where none is named, from now on, each once. Raises NotConnected."""
        feed: Feed[Reading] = Feed()
        feed._end = self._session.listen(session.UP, motes, feed._put)
        self._feeds.append(feed)
        return feed

    def statuses(self, *motes: str) -> Feed[Status]:
        """What `motes`, or all, say of themselves, first what they said last. Raises NotConnected."""
        feed: Feed[Status] = Feed()
        feed._end = self._session.listen(session.STATE, motes, feed._put)
        self._feeds.append(feed)
        return feed

    def send(self, mote: str, name: str, value: Value, within_s: float = 20.0, for_s: int | None = None) -> Outcome:
        """Send a command to an actuator and wait for what the mote answers, for `within_s` seconds at most.

        What it sets holds for `for_s` seconds; `value` "auto" gives the actuator back to its rule. Without an answer
        the result is "unknown": it may have been done. Raises CommandRefused, NotConnected.
        """
        answered, found = threading.Event(), list[Outcome]()

        def tell(outcome: Outcome) -> None:
            found.append(outcome)
            answered.set()

        waiting = self._session.send(mote, name, value, within_s, for_s, tell)
        try:
            answered.wait(within_s)
        finally:
            waiting.forget()
        return found[0] if found else Outcome(mote, name, UNKNOWN, None, "no answer")
