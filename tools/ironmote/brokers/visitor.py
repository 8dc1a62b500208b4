"""One MQTT client that tries what it may: it waits with a deadline, and keeps all that reaches it."""

import contextlib
import ssl
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

WAIT_S = 5.0
_WEBSOCKET_PATH = "/mqtt"


@dataclass(frozen=True)
class Door:
    """Where and how somebody connects. `ca` is None where there is no TLS."""

    host: str
    port: int
    ca: Path | None = None
    websockets: bool = False


class Visitor:
    """A client at `door`, called `name`; `certificate` is a pair of files, of which the second is the key."""

    def __init__(
        self,
        door: Door,
        name: str,
        certificate: tuple[Path, Path] | None = None,
        username: str | None = None,
        password: str | None = None,
    ) -> None:
        """Does not connect yet."""
        self.heard: set[tuple[str, bytes]] = set()
        self._door = door
        self._changed = threading.Condition()
        self._let_in: bool | None = None
        self._answered: set[int] = set()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            name,
            transport="websockets" if door.websockets else "tcp",
            reconnect_on_failure=False,
        )
        if door.websockets:
            self._client.ws_set_options(path=_WEBSOCKET_PATH)
        if door.ca is not None:
            context = ssl.create_default_context(cafile=str(door.ca))
            if certificate is not None:
                context.load_cert_chain(*certificate)
            self._client.tls_set_context(context)
        if username is not None:
            self._client.username_pw_set(username, password)
        self._client.on_connect = self._connected
        self._client.on_connect_fail = lambda *_: self._set(False)
        self._client.on_disconnect = lambda *_: self._set(False)
        self._client.on_subscribe = lambda _client, _data, number, *_: self._done(number)
        self._client.on_publish = lambda _client, _data, number, *_: self._done(number)
        self._client.on_message = self._arrived

    def __enter__(self) -> "Visitor":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._client.disconnect()
        self._client.loop_stop()

    def connect(self) -> bool:
        """True where the broker lets it in. Raises ConnectionRefusedError where nobody listens."""
        try:
            self._client.connect(self._door.host, self._door.port)
        except ConnectionRefusedError:
            raise
        except (OSError, ValueError, mqtt.WebsocketConnectionError):
            return False
        self._client.loop_start()
        self._until(lambda: self._let_in is not None)
        return bool(self._let_in)

    def subscribe(self, filters: Iterable[str]) -> None:
        """Ask for each; what the broker answers proves nothing."""
        self._settle([self._client.subscribe(each, 1)[1] for each in filters])

    def publish(self, messages: Iterable[tuple[str, bytes]], retain: bool = False) -> None:
        """Say all of it at QoS 1; what the broker answers proves nothing."""
        self._settle([self._client.publish(topic, payload, 1, retain).mid for topic, payload in messages])

    def hears(self, expected: Iterable[tuple[str, bytes]]) -> None:
        """Wait until all that is expected has come, or some seconds have passed."""
        wanted = set(expected)
        self._until(lambda: wanted <= self.heard)

    def _settle(self, asked: list[int | None]) -> None:
        """Wait until the broker has answered all of it. (paho numbers what one client asks without a repetition.)"""
        wanted = {number for number in asked if number is not None}
        self._until(lambda: wanted <= self._answered or not self._let_in)

    def _until(self, condition: Callable[[], bool]) -> None:
        with self._changed:
            self._changed.wait_for(condition, WAIT_S)

    def _done(self, number: int) -> None:
        with self._changed:
            self._answered.add(number)
            self._changed.notify_all()

    def _set(self, let_in: bool) -> None:
        with self._changed:
            self._let_in = let_in
            self._changed.notify_all()

    def _connected(self, client: mqtt.Client, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        self._set(not reason.is_failure)

    def _arrived(self, client: mqtt.Client, data: Any, message: mqtt.MQTTMessage) -> None:
        with self._changed:
            self.heard.add((message.topic, bytes(message.payload)))
            self._changed.notify_all()
