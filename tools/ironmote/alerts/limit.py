"""How long a whole conversation with a server may take: one that drips answers each step in time, and never ends."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

_AGAIN_S = 1.0  # while a handshake is under way nothing can be broken


@contextlib.contextmanager
def within(longest_s: float, connection: Callable[[], socket.socket | None]) -> Iterator[None]:
    """Break the socket that `connection` gives once the block has taken longer: whoever waits there gets OSError."""
    done = threading.Event()

    def watch() -> None:
        wait_s = longest_s
        while not done.wait(wait_s):
            wait_s = _AGAIN_S
            if (found := connection()) is not None:
                with contextlib.suppress(OSError):
                    found.shutdown(socket.SHUT_RDWR)

    threading.Thread(target=watch, name="limit", daemon=True).start()
    try:
        yield
    finally:
        done.set()
