"""The signals that end ironmote: Ctrl-C and its kin. The first one ends everything in order, the others are ignored.

So nothing is left half taken down, no process and no file stays behind, and the exit status is that of the first.
"""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

STATUS = 130  # the exit status of who was interrupted, as shells give it
_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT") if hasattr(signal, name)]
_taken = False


def hear() -> None:
    """From here on each of them raises KeyboardInterrupt, once. What was ignored (nohup) stays ignored."""
    with contextlib.suppress(ValueError):  # only the main thread may; elsewhere the caller sees to signals
        for each in _SIGNALS:
            if signal.getsignal(each) is not signal.SIG_IGN:
                signal.signal(each, _first)


def ignore() -> None:
    """From here on none of them does anything."""
    with contextlib.suppress(ValueError):
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_IGN)


@contextlib.contextmanager
def restored() -> Iterator[None]:
    """Afterwards signals do what they did before, unless one has come: then the end has begun."""
    before = {each: signal.getsignal(each) for each in _SIGNALS}
    try:
        yield
    finally:
        if not _taken:
            with contextlib.suppress(ValueError):
                for each, handler in before.items():
                    signal.signal(each, handler)


def _first(number: int, frame: FrameType | None) -> None:
    global _taken
    _taken = True
    ignore()
    raise KeyboardInterrupt
