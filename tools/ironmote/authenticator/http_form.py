"""The authenticator for brokers that ask over HTTP: mosquitto-go-auth, EMQX, HiveMQ with an extension, and others.

    POST /auth  {"clientid": …, "username": …, "password": …}             may it connect?
    POST /acl   {"username": …, "topic": …, "action": "publish" | "subscribe"}   may it do that?

200 means yes, 403 no, and the body says it once more as {"result": "allow" | "deny"}. EMQX 5 takes any status but 200
for "no opinion", and no opinion on a topic for yes: so /emqx/auth and /emqx/acl are always 200, and the body counts.

A token counts once, so a broker must not ask twice about one CONNECT. Whoever can reach this port can ask; it is on the
loopback unless told otherwise. So a question has one deadline for all of it, and who takes long over one gives way to
who comes next: brokers ask within milliseconds.
"""

import contextlib
import io
import json
import logging
import socket
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ..brokers import rights
from .roster import RosterError, RosterFile
from .verifier import Verifier

_EMQX = "/emqx"
_BODY_LIMIT = 4_096
_TIMEOUT_S = 5.0  # for a whole question, however it trickles in; and again for the answer
_QUESTION_LIMIT = 16_384  # bytes, headers and all
_AT_ONCE = 32
_WAITING = 128  # connections that the system holds for us
_GRACE_S = 0.5  # a question that took so long to come may be given up for another
_LOOK_S = 0.05
# What mosquitto-go-auth calls `acc`: 1 read (a message is about to be delivered), 2 write, 4 subscribe.
_ACTIONS = {1: "subscribe", 2: "publish", 4: "subscribe"}

_log = logging.getLogger(__name__)


class HttpForm(ThreadingHTTPServer):
    """Serves `verifier` on `host`:`port` (0: any free one); `port` is the one it got. OSError where it is taken."""

    daemon_threads = True
    request_queue_size = _WAITING

    def __init__(self, roster: RosterFile, verifier: Verifier, host: str = "127.0.0.1", port: int = 0) -> None:
        self.roster = roster
        self.verifier = verifier
        self._slots = threading.BoundedSemaphore(_AT_ONCE)
        self._asking: dict[socket.socket, float] = {}  # whose question is not here yet, since when; the oldest first
        self._asking_lock = threading.Lock()
        self._ending = threading.Event()
        super().__init__((host, port), _Handler)
        self.port: int = self.server_address[1]
        self._thread = threading.Thread(target=self.serve_forever, name="authenticator http", daemon=True)

    def start(self) -> None:
        """Serve on a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Close the port."""
        self._ending.set()
        if self._thread.is_alive():
            self.shutdown()
            self._thread.join()
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Each question has a thread, so many at once. Where there are more, the slowest to ask makes room."""
        if not self._slots.acquire(blocking=False):
            self._wait_for_slot()
        with self._asking_lock:
            self._asking[request] = time.monotonic()
        try:
            super().process_request(request, client_address)
        except BaseException:
            self.asked(request)
            self._slots.release()
            raise

    def _wait_for_slot(self) -> None:
        self._give_up_slowest()
        while not self._slots.acquire(timeout=_LOOK_S):
            if self._ending.is_set():
                raise ConnectionAbortedError
            self._give_up_slowest()

    def _give_up_slowest(self) -> None:
        """End the connection that has been asking for the longest, where that is longer than any broker takes."""
        with self._asking_lock:
            slowest = next(iter(self._asking), None)
            if slowest is not None and time.monotonic() - self._asking[slowest] >= _GRACE_S:
                del self._asking[slowest]
                with contextlib.suppress(OSError):
                    slowest.shutdown(socket.SHUT_RDWR)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one request in a thread that has a slot."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.asked(request)
            self._slots.release()

    def asked(self, request: socket.socket) -> None:
        """The question on this connection is here, so it will not be given up any more; or there will be none."""
        with self._asking_lock:
            self._asking.pop(request, None)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that breaks off is no event."""
        _log.debug("a request broke off", exc_info=True)


class _Question(io.RawIOBase):
    """What a connection says, up to one deadline and so many bytes. Raises TimeoutError, or OSError."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._deadline = time.monotonic() + _TIMEOUT_S
        self._room = _QUESTION_LIMIT

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._deadline - time.monotonic()
        if left <= 0 or self._room <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        size = self._connection.recv_into(memoryview(buffer)[: self._room])
        self._room -= size
        return size


class _Handler(BaseHTTPRequestHandler):
    server: HttpForm
    server_version = "ironmote"
    sys_version = ""
    _always_200 = False

    def setup(self) -> None:
        super().setup()
        self.rfile = io.BufferedReader(_Question(self.connection))

    def do_POST(self) -> None:
        self._always_200 = self.path.startswith(_EMQX)
        path = self.path.removeprefix(_EMQX)
        ask = {"/auth": self._auth, "/acl": self._acl}.get(path)
        if ask is None:
            self._say(HTTPStatus.NOT_FOUND)
            return
        try:
            length = int(self.headers.get("Content-Length", ""))
        except ValueError:
            self._say(HTTPStatus.LENGTH_REQUIRED)
            return
        if not 0 <= length <= _BODY_LIMIT:
            self._say(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        try:
            body = self.rfile.read(length)
            self.server.asked(self.connection)
            asked = json.loads(body)
            if not isinstance(asked, dict):
                raise ValueError
        except (ValueError, RecursionError):
            self._say(HTTPStatus.BAD_REQUEST)
            return
        self._say(HTTPStatus.OK if ask(asked) else HTTPStatus.FORBIDDEN)

    def _auth(self, asked: dict[str, Any]) -> bool:
        client_id = asked.get("clientid", asked.get("client_id"))
        username, password = asked.get("username"), asked.get("password")
        if not (isinstance(username, str) and isinstance(password, str) and isinstance(client_id, str | None)):
            return False
        decision = self.server.verifier.decide(client_id, username, password)
        _log.info("%.40r: %s", username, decision.why)
        return decision.entry is not None

    def _acl(self, asked: dict[str, Any]) -> bool:
        action = asked.get("action", _ACTIONS.get(_number(asked.get("acc")), ""))
        try:
            entry = self.server.roster.current().entries.get(str(asked.get("username")))
        except RosterError:
            return False
        if entry is None:
            return False
        granted = rights.of_mote(entry)
        topics = {"publish": granted.publish, "subscribe": granted.subscribe}.get(str(action), ())
        return asked.get("topic") in topics

    def _say(self, status: HTTPStatus) -> None:
        self.connection.settimeout(_TIMEOUT_S)
        body = json.dumps({"result": "allow" if status is HTTPStatus.OK else "deny"}).encode()
        self.send_response(HTTPStatus.OK if self._always_200 else status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing of the requests' own: who asked is said by `_auth`."""


def _number(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):  # the last of what JSON in Python calls Infinity
        return 0
