"""Who is told what the gateway tells: any number of listeners, each of which fails alone.

A Hub is what a Gateway is given as `on_event`. It runs on the gateway's worker, so a listener returns at once: whoever
has work to do has a thread or a queue of its own.
"""

import logging
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Hub(Generic[T]):
    """Hands on what it is called with, to each listener in the order in which they were added."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: tuple[Callable[[T], None], ...] = ()

    def add(self, listener: Callable[[T], None]) -> Callable[[], None]:
        """Have `listener` told from here on; the result ends it, and may be called twice. Any thread may."""
        own = _Own(listener)
        with self._lock:
            self._listeners = (*self._listeners, own)
        return lambda: self._remove(own)

    @property
    def heard(self) -> bool:
        """True where anybody listens."""
        return bool(self._listeners)

    def __call__(self, event: T) -> None:
        """Tell everybody. What one of them raises is logged, and the others are told all the same."""
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:
                _log.exception("a listener failed at a %s", type(event).__name__)

    def _remove(self, own: Callable[[T], None]) -> None:
        with self._lock:
            self._listeners = tuple(each for each in self._listeners if each is not own)


class _Own(Generic[T]):
    """One listening of a listener, which may listen several times."""

    def __init__(self, listener: Callable[[T], None]) -> None:
        self._listener = listener

    def __call__(self, event: T) -> None:
        self._listener(event)
