"""The Owner over the socket of a gateway that runs in another process (line_server has the protocol)."""

import contextlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import IronmoteError
from .event_lines import Line
from .events import Value
from .line_socket import Lines, connected, encoded

_CONNECT_S = 5.0
_ANSWER_S = 60.0
_LONGEST = 256 * 2**20  # an answer may be of a hundred thousand motes
GONE = "gone"  # the event that ends what is followed, where the gateway went


class NoGateway(IronmoteError):
    """Nobody serves the line: no gateway of this fleet runs on this machine."""


class OwnerLine:
    """The gateway that serves the socket at `path`; each request is a connection of its own.

    All methods raise NoGateway where none runs, IronmoteError where it refuses or does not answer.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def there(self) -> bool:
        """True where a gateway runs."""
        try:
            self._connected().close()
        except NoGateway:
            return False
        return True

    def follow(self, listener: Callable[[Line], None]) -> Callable[[], None]:
        """See owner.Owner. `listener` is called on a thread of its own; where the gateway goes, last with GONE.

        {"event": "gone", "why": "…"} is that line.
        """
        found = self._connected()
        lines = iter(Lines(found, _LONGEST))
        try:
            found.sendall(encoded({"do": "follow"}))
            self._result(next(lines, {}))
            found.settimeout(None)
        except BaseException as error:
            found.close()
            raise _as_ours(error) from error
        ended = threading.Event()

        def read() -> None:
            why = "the gateway has ended"
            with found, contextlib.suppress(OSError, ValueError):
                for line in lines:
                    if "error" in line:
                        why = line["error"]
                        break
                    listener(line)
            if not ended.is_set():
                listener({"event": GONE, "why": why})

        def end() -> None:
            ended.set()
            with contextlib.suppress(OSError):
                found.shutdown(socket.SHUT_RDWR)

        threading.Thread(target=read, name="owner's line", daemon=True).start()
        return end

    def overview(self) -> list[dict[str, Any]]:
        """See owner.Owner."""
        found: list[dict[str, Any]] = self._ask({"do": "overview"})
        return found

    def send(self, mote: str, name: str, value: Value, within_s: float = 20.0, for_s: int | None = None) -> Line:
        """See owner.Owner."""
        what = {"mote": mote, "name": name, "value": value, "within_s": within_s, "for_s": for_s}
        found: Line = self._ask({"do": "send"} | what, within_s + _ANSWER_S)
        return found

    def wire(self, mote: str) -> list[dict[str, Any]]:
        """See owner.Owner."""
        found: list[dict[str, Any]] = self._ask({"do": "wire", "mote": mote})
        return found

    def revoke(self, mote: str) -> None:
        """See owner.Owner."""
        self._ask({"do": "revoke", "mote": mote})

    def rotate(self, mote: str) -> None:
        """See owner.Owner."""
        self._ask({"do": "rotate", "mote": mote})

    def refresh(self) -> None:
        """See owner.Owner."""
        self._ask({"do": "refresh"})

    def ask(self, do: str, **what: Any) -> Any:
        """See owner.Owner."""
        return self._ask({"do": do} | what)

    def _ask(self, request: dict[str, Any], timeout_s: float = _ANSWER_S) -> Any:
        with self._connected() as found:
            try:
                found.settimeout(timeout_s)
                found.sendall(encoded(request))
                return self._result(next(iter(Lines(found, _LONGEST)), {}))
            except (OSError, ValueError) as error:
                raise _as_ours(error) from error

    def _connected(self) -> socket.socket:
        try:
            return connected(self._path, _CONNECT_S)
        except (FileNotFoundError, ConnectionRefusedError):
            raise NoGateway("no gateway runs here; ironmote gateway starts it") from None
        except OSError as error:
            raise NoGateway(f"the gateway cannot be asked: {self._path}: {error.strerror or error}") from error

    def _result(self, answer: dict[str, Any]) -> Any:
        if "error" in answer:
            raise IronmoteError(str(answer["error"]))
        if "result" not in answer:
            raise IronmoteError("the gateway ended before it had answered")
        return answer["result"]


def _as_ours(error: BaseException) -> BaseException:
    """What an owner is told of a line that broke."""
    if isinstance(error, TimeoutError):
        return IronmoteError("the gateway does not answer in time")
    if isinstance(error, OSError | ValueError):
        return IronmoteError("the gateway ended before it had answered")
    return error
