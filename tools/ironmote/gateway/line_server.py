"""The owner's line, on the gateway's side: a socket in a folder of its owner's alone, JSON lines in and out.

A client sends one request a line, `{"do": "overview"}`, and gets one line back, `{"result": …}` or `{"error": "…"}`;
after `{"do": "follow"}` it is sent a line an event until it goes. Whoever can open the socket is the owner of the
folder: it is 0600 in a folder of 0700. Nothing that a client does can hold up the gateway: each has a thread of its
own, one that reads slowly is dropped, and lines, clients and what waits for them are bounded.
"""

import contextlib
import logging
import queue
import select
import socket
import threading
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from ..errors import IronmoteError
from ..plain import plain
from ..process_lock import ProcessLock
from .event_lines import Line
from .line_socket import LONGEST, Lines, encoded, listener
from .owner import Owner

CLIENTS = 32
WAITING = 4096  # lines that wait for one who follows
_SLOW_S = 10.0  # a client that takes nothing for so long is dropped
_BEAT_S = 1.0
_WORK = frozenset(
    ("overview", "send", "wire", "revoke", "rotate", "refresh")
)  # of Owner; what parts offer is behind `ask`
_log = logging.getLogger(__name__)


class LineServer:
    """Serves `owner` at the socket `path` inside a `with` block. Raises IronmoteError where another serves it."""

    def __init__(self, owner: Owner, path: Path) -> None:
        self._owner = owner
        self._path = path
        self._ending = threading.Event()
        self._room = threading.BoundedSemaphore(CLIENTS)
        self._clients: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._accept, name="owner's line", daemon=True)
        self._socket: socket.socket
        self._held: ProcessLock

    def __enter__(self) -> "LineServer":
        try:
            self._held = ProcessLock(self._path.with_name(self._path.name + ".lock"))
        except TimeoutError:
            raise IronmoteError(f"a gateway of this fleet runs already, and serves {self._path}") from None
        try:
            self._socket = listener(self._path)
        except BaseException:
            self._held.release()
            raise
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        with self._lock:
            clients = list(self._clients)
        for client in clients:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._held.release()

    def _accept(self) -> None:
        while not self._ending.is_set():
            try:
                client, _ = self._socket.accept()
            except OSError:
                if self._ending.wait(_BEAT_S):  # such as too many open files, which may pass
                    return
                continue
            if not self._room.acquire(blocking=False):
                with contextlib.suppress(OSError), client:
                    client.settimeout(_BEAT_S)
                    client.sendall(encoded({"error": f"{CLIENTS} others are at this gateway; end some of them"}))
                    client.shutdown(socket.SHUT_WR)
                    client.recv(LONGEST)  # what it asks; closed before that was read, it would not read our answer
                continue
            with self._lock:
                self._clients.add(client)
            threading.Thread(target=self._serve, args=(client,), name="owner's line", daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            with client:
                client.settimeout(None)
                self._answer_all(client)
        except (OSError, ValueError) as error:  # it went, was too slow, or sent what is no line
            _log.debug("a client of the owner's line is gone: %s", error)
        finally:
            with self._lock:
                self._clients.discard(client)
            self._room.release()

    def _answer_all(self, client: socket.socket) -> None:
        for request in Lines(client):
            client.settimeout(_SLOW_S)
            if request.get("do") == "follow":
                self._follow(client)
                return
            if request.get("do") == "send":
                request["given_up"] = partial(_has_gone, client)
            client.sendall(encoded(self._answer(request)))
            client.settimeout(None)

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        do = str(request.pop("do", ""))
        work = getattr(self._owner, do) if do in _WORK else partial(self._owner.ask, do)
        try:
            return {"result": work(**request)}
        except IronmoteError as error:
            return {"error": str(error)}
        except (TypeError, ValueError) as error:
            return {"error": plain(f"the gateway cannot do this: {error}")}

    def _follow(self, client: socket.socket) -> None:
        """Send what happens until the client is gone, or so slow that lines would be missing."""
        waiting: queue.Queue[Line] = queue.Queue(WAITING)
        full = threading.Event()

        def put(line: Line) -> None:
            try:
                waiting.put_nowait(line)
            except queue.Full:
                full.set()

        end = self._owner.follow(put)
        gone = threading.Thread(target=_until_gone, args=(client, full), name="owner's line", daemon=True)
        try:
            client.sendall(encoded({"result": None}))
            gone.start()
            while not (full.is_set() or self._ending.is_set()):
                with contextlib.suppress(queue.Empty):
                    client.sendall(encoded(waiting.get(timeout=_BEAT_S)))
            if full.is_set():
                client.sendall(encoded({"error": "lines came faster than they were read, and some are missing"}))
        finally:
            end()
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)


def _has_gone(client: socket.socket) -> bool:
    """True where the client's end is closed."""
    try:
        return select.select([client], [], [], 0)[0] != [] and client.recv(1, socket.MSG_PEEK) == b""
    except (OSError, ValueError):
        return True


def _until_gone(client: socket.socket, gone: threading.Event) -> None:
    """Set `gone` when the client's end is closed; it has nothing more to say."""
    heard = True
    while heard:
        try:
            heard = bool(client.recv(LONGEST))
        except TimeoutError:  # which is for who reads slowly
            continue
        except OSError:
            break
    gone.set()
