"""Where the alerts of a gateway are made: a thread of its own, which the gateway's worker never waits for.

hub ──► waiting ──► watch, unusual ──► book ──► kept (the store) ──► lines, actions
"""

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

from ..errors import IronmoteError, MissingTool
from ..gateway import Event, RecordSeen, StateSeen
from . import kinds
from .alert import Alert
from .book import Book
from .expected import Expectation
from .kept import Kept
from .watch import Watch

WAITING = 20_000  # events; of records no more than that are looked at
_TURN_S = 0.5
_PRUNE_EACH_S = 3600.0
_LOOK_EACH_S = 3.0
_ANSWER_S = 10.0
_T = TypeVar("_T")
_log = logging.getLogger(__name__)


def _nothing() -> None:
    """What is done where nothing came."""


class Judge(Protocol):
    """What else looks at events: Unusual."""

    def take(self, event: RecordSeen | StateSeen, now: float) -> None: ...
    def keep(self, now: float, everything: bool = False) -> None: ...
    def forget(self, mote: str) -> None: ...


class Desk:
    """Takes events, keeps alerts, tells of them. `start` and `stop` go round it."""

    def __init__(
        self,
        open_kept: Callable[[], Kept],
        expected: Callable[[str], Expectation],
        members: Callable[[], Iterable[str]],
        tell: Callable[[Alert], None],
        unusual: bool = True,
        look: Callable[[Book, float], None] = lambda book, now: None,
        listening: Callable[[str], float] = lambda mote: 0.0,
    ) -> None:
        """`open_kept` opens the store, on the desk's own thread; `tell` is called there with each change of an alert.

        `members` gives the motes that are served now: another object each time they are others. `look` is called
        there every few seconds, to see what no event tells. `listening` is as in Watch.
        """
        self._open_kept = open_kept
        self._expected = expected
        self._members = members
        self._tell = tell
        self._wants_unusual = unusual
        self._look_elsewhere = look
        self._listening = listening
        self._looked = 0.0
        self._waiting: queue.SimpleQueue[tuple[Event, float] | Callable[[], None] | None] = queue.SimpleQueue()
        self._passed = 0  # events that were not looked at
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
        self._ready: Future[None] = Future()
        self._unkept: dict[str, Alert] = {}
        self._kept: Kept
        self._book: Book
        self._watch: Watch
        self._judge: Judge | None = None

    def start(self) -> None:
        """Begin. Raises IronmoteError where the store cannot be opened."""
        self._thread.start()
        self._ready.result()

    def stop(self) -> None:
        """Look at what has arrived, keep it, and end."""
        self._waiting.put(None)
        self._thread.join()

    def take(self, event: Event) -> None:
        """Note an event; returns at once. On the gateway's worker."""
        if self._ended.is_set():
            return
        waiting = self._waiting.qsize()
        if waiting >= WAITING and (isinstance(event, RecordSeen) or waiting >= 2 * WAITING):
            self._passed += 1
            return
        self._waiting.put((event, time.time()))

    def alerts(self, since: float | None = None) -> list[dict[str, Any]]:
        """The lines of those that last, and of those that were at any time since; the latest first. Any thread."""
        return self._ask(lambda: self._list(since))

    def acknowledge(self, alert_id: str) -> dict[str, Any]:
        """Note that the owner has seen an alert; gives its line. Any thread. Raises IronmoteError if there is none."""
        return self._ask(lambda: self._acknowledge(alert_id))

    @property
    def kept(self) -> Kept:
        """What is kept; for what is called on the desk's thread."""
        return self._kept

    def done(self, alert_id: str, word: str) -> None:
        """Note what was done about an alert. On the desk's thread."""
        alert = self._book.find(alert_id) or self._unkept.get(alert_id) or self._kept.find(alert_id)
        if alert is not None and word not in alert.done:
            alert.done = (*alert.done, word)
            self._unkept[alert_id] = alert

    def call(self, work: Callable[[Kept, Book, float], _T]) -> _T:
        """What `work` gives, called on the desk's thread. Any other thread may."""
        return self._ask(lambda: work(self._kept, self._book, time.time()))

    def report(self, work: Callable[[Book, float], None]) -> None:
        """Have `work` called on the desk's thread, at some time. Any thread may."""
        self._waiting.put(lambda: work(self._book, time.time()))

    def _ask(self, work: Callable[[], _T]) -> _T:
        answer: Future[_T] = Future()

        def answered() -> None:
            try:
                answer.set_result(work())
            except Exception as error:
                answer.set_exception(error)

        if self._ended.is_set():
            raise IronmoteError("the gateway is ending")
        self._waiting.put(answered)
        try:
            return answer.result(_ANSWER_S)
        except TimeoutError:
            raise IronmoteError("the gateway is busy; try again") from None

    def _list(self, since: float | None) -> list[dict[str, Any]]:
        self._keep(time.time())
        found = self._book.open if since is None else self._kept.since(since)
        return [alert.line() for alert in found]

    def _acknowledge(self, alert_id: str) -> dict[str, Any]:
        now = time.time()
        alert = self._book.acknowledge(alert_id, now)
        self._keep(now)
        if alert is None:  # it is over
            alert = self._kept.acknowledge(alert_id, now)
        return alert.line()

    def _run(self) -> None:
        try:
            self._kept = self._open_kept()
        except BaseException as error:
            self._ended.set()
            self._ready.set_exception(error)
            return
        with contextlib.closing(self._kept):
            try:
                self._begin(time.time())
            except BaseException as error:
                self._ended.set()
                self._ready.set_exception(error)
                return
            self._ready.set_result(None)
            try:
                self._turns()
            finally:
                self._ended.set()

    def _begin(self, now: float) -> None:
        self._book = Book(self._kept.open_alerts())
        self._watch = Watch(self._book, self._expected, self._kept.heard, self._kept.stored, self._listening)
        self._served = self._members()
        self._watch.members(self._served, now)
        if self._wants_unusual:
            with contextlib.suppress(MissingTool):
                from .unusual import Unusual

                self._judge = Unusual(self._book, self._kept, self._expected)

    def _turns(self) -> None:
        turn_at, prune_at = time.monotonic(), time.monotonic()
        while True:
            now = time.monotonic()
            try:
                item = self._waiting.get(timeout=max(turn_at - now, 0.01))
            except queue.Empty:
                item = _nothing
            if item is None:
                break
            if isinstance(item, tuple):
                self._look(*item)
            else:
                self._try("do what was asked", item)
            if now >= turn_at:
                turn_at = now + _TURN_S
                self._try("take their turn", lambda: self._turn(time.time()))
            if now >= prune_at:
                prune_at = now + _PRUNE_EACH_S
                self._try("prune", lambda: self._kept.prune(time.time()))
        now = time.time()
        if self._judge is not None:
            judge = self._judge
            self._try("keep what was learnt", lambda: judge.keep(now, everything=True))
        self._unkept.update((alert.id, alert) for alert in self._book.unsaid())
        self._keep(now)

    def _look(self, event: Event, now: float) -> None:
        try:
            self._watch.take(event, now)
            if self._judge is not None and isinstance(event, RecordSeen | StateSeen):
                self._judge.take(event, now)
        except Exception:  # as in _try, which would cost a function for each event
            _log.exception("alerts could not look at a %s", type(event).__name__)

    def _turn(self, now: float) -> None:
        served = self._members()
        if served is not self._served:
            gone = set(self._served) - set(served)
            self._served = served
            self._watch.members(served, now)
            if self._judge is not None:
                for mote in gone:
                    self._judge.forget(mote)
        self._try("look who is there", lambda: self._watch.tick(now))
        if now - self._looked >= _LOOK_EACH_S or now < self._looked:
            self._looked = now
            self._try("look elsewhere", lambda: self._look_elsewhere(self._book, now))
        passed, self._passed = self._passed, 0
        if passed:
            words = "events came faster than they could be looked at"
            self._book.seen(kinds.OVERLOAD, "", words, now, times=passed)
        if self._judge is not None:
            judge = self._judge
            self._try("keep what was learnt", lambda: judge.keep(now))
        self._keep(now)

    def _keep(self, now: float) -> None:
        """Keep what has changed, and tell of it, in this order; what cannot be kept now is later."""
        changed = self._book.changes(now)
        self._unkept.update((alert.id, alert) for alert in changed)
        if not self._unkept:
            return
        kept = list(self._unkept.values())
        if self._try("keep alerts", lambda: self._kept.save(kept)):
            self._unkept.clear()
        for alert in changed:  # who listens is told, whatever the disk does
            self._try("tell of an alert", lambda alert=alert: self._tell(alert))  # type: ignore[misc]

    def _try(self, what: str, work: Callable[[], None]) -> bool:
        """What fails is logged: alerts go on, and the gateway does."""
        try:
            work()
        except Exception:
            _log.exception("alerts could not %s", what)
            return False
        return True
