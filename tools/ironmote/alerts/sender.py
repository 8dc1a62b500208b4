"""One way to tell people: what waits goes out together, is tried until it is taken, and holds nobody up."""

import http.client
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST_WAITING = 1000
MOST_AT_ONCE = 100
_LONGEST_S = 86_400.0  # after which nobody wants to be told any more
_PAUSES_S = (1.0, 2.0, 5.0, 15.0, 60.0, 300.0)
_END_S = 2.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Post:
    """A line of an alert to be told, and under which word that is noted when it was."""

    alert: str
    word: str
    line: Mapping[str, Any]
    put: float  # monotonic seconds


class Sender:
    """`send` is called with the lines that wait, on a thread of this one, at most each `every_s`.

    `told` is called with those that were taken, `trouble` with the words of why one was not, and with None once one is
    again; both on that thread.
    """

    def __init__(
        self,
        name: str,
        send: Callable[[Sequence[Mapping[str, Any]]], None],
        every_s: float,
        told: Callable[[Iterable[Post]], None],
        trouble: Callable[[str | None], None],
    ) -> None:
        self._name = name
        self._send = send
        self._every_s = every_s
        self._told = told
        self._trouble = trouble
        self._waiting: dict[str, Post] = {}  # by alert: of two things to tell of one, the later
        self._changed = threading.Condition()
        self._ending = False
        self._thread = threading.Thread(target=self._run, name=f"alerts by {name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End soon; what was not told is told after the next start."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        self._thread.join(_END_S)

    def put(self, alert: str, word: str, line: Mapping[str, Any]) -> None:
        """Have `line` told. Any thread; returns at once."""
        with self._changed:
            if alert not in self._waiting and len(self._waiting) >= MOST_WAITING:
                del self._waiting[next(iter(self._waiting))]
            self._waiting[alert] = Post(alert, word, line, time.monotonic())
            self._changed.notify_all()

    def waits(self, alert: str, word: str) -> bool:
        """True where this is to be told still."""
        with self._changed:
            return alert in self._waiting and self._waiting[alert].word == word

    def _run(self) -> None:
        failed = 0
        while (posts := self._next()) is not None:
            why = self._try(posts) if posts else None
            if why is None:
                if failed:
                    self._trouble(None)
                failed, pause_s = 0, self._every_s
            else:
                self._trouble(why)
                failed, pause_s = failed + 1, _PAUSES_S[min(failed, len(_PAUSES_S) - 1)]
            with self._changed:
                self._changed.wait_for(lambda: self._ending, pause_s)

    def _next(self) -> list[Post] | None:
        """What is to be told now, once there is anything; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._ending or self._waiting)
            if self._ending:
                return None
            late = time.monotonic() - _LONGEST_S
            for alert in [post.alert for post in self._waiting.values() if post.put < late]:
                del self._waiting[alert]
            return list(self._waiting.values())[:MOST_AT_ONCE]

    def _try(self, posts: list[Post]) -> str | None:
        """Why it was not taken, in words, or None."""
        try:
            self._send([post.line for post in posts])
        except (OSError, ValueError, http.client.HTTPException) as error:
            words = str(error) or type(error).__name__
            _log.warning("alerts could not be told by %s: %s", self._name, words)
            return words
        with self._changed:
            for post in posts:
                if self._waiting.get(post.alert) is post:
                    del self._waiting[post.alert]
        self._told(posts)
        return None
