"""The authenticator for brokers that ask over HTTP: mosquitto-go-auth, EMQX, HiveMQ with an extension, and others.

    POST /auth  {"clientid": …, "username": …, "password": …}             may it connect?
    POST /acl   {"username": …, "topic": …, "action": "publish" | "subscribe"}   may it do that?

200 means yes, 403 no, and the body says it once more as {"result": "allow" | "deny"}. EMQX 5 takes any status but 200
for "no opinion", and no opinion on a topic for yes: so /emqx/auth and /emqx/acl are always 200, and the body counts.

A token counts once, so a broker must not ask twice about one CONNECT. Whoever can reach this port can ask; it is on the
loopback unless told otherwise.
"""

import json
import logging
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ..brokers import rights
from .roster import RosterError, RosterFile
from .verifier import Verifier

_EMQX = "/emqx"
_BODY_LIMIT = 4_096
_TIMEOUT_S = 5.0
_AT_ONCE = 32
# What mosquitto-go-auth calls `acc`: 1 read (a message is about to be delivered), 2 write, 4 subscribe.
_ACTIONS = {1: "subscribe", 2: "publish", 4: "subscribe"}

_log = logging.getLogger(__name__)


class HttpForm(ThreadingHTTPServer):
    """Serves `verifier` on `host`:`port` (0: any free one); `port` is the one it got. OSError where it is taken."""

    daemon_threads = True

    def __init__(self, roster: RosterFile, verifier: Verifier, host: str = "127.0.0.1", port: int = 0) -> None:
        self.roster = roster
        self.verifier = verifier
        self._slots = threading.BoundedSemaphore(_AT_ONCE)
        super().__init__((host, port), _Handler)
        self.port: int = self.server_address[1]
        self._thread = threading.Thread(target=self.serve_forever, name="authenticator http", daemon=True)

    def start(self) -> None:
        """Serve on a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Close the port."""
        if self._thread.is_alive():
            self.shutdown()
            self._thread.join()
        self.server_close()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Each request has a thread; of those only so many at once, the others wait."""
        with self._slots:
            super().process_request_thread(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that breaks off is no event."""
        _log.debug("a request broke off", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: HttpForm
    timeout = _TIMEOUT_S
    server_version = "ironmote"
    sys_version = ""
    _always_200 = False

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
            asked = json.loads(self.rfile.read(length))
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
    except (TypeError, ValueError):
        return 0
