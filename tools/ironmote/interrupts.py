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
    global _taken
    _taken = False
    with contextlib.suppress(ValueError):  # only the main thread may; elsewhere the caller sees to signals
        for each in _SIGNALS:
            if signal.getsignal(each) is not signal.SIG_IGN:
                signal.signal(each, _first)


def check() -> None:
    """Raise KeyboardInterrupt where one has come: the first may have been raised where Python drops what is raised.

    (In a finaliser, or a callback of the garbage collector.) For loops that go on until they are interrupted.
    """
    if _taken:
        raise KeyboardInterrupt


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
