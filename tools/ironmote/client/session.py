"""The connection of one user to the broker of the trusted zone: TLS on both sides, MQTT by paho.

It connects again by itself and hands on, on paho's own thread, what comes. Both forms of the client are made of it.
"""

import os
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mote import command, topics
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from ..roles import ANY
from . import messages
from .errors import CommandRefused, NotConnected
from .messages import MessageError, Outcome, Reading, Status, Value

TIMEOUT_S = 10.0
_KEEPALIVE_S = 30
_FIRST_PAUSE_S, _LAST_PAUSE_S = 1, 30
_ID_BYTES = 8
_LONGEST_WITHIN_S = 604_800  # a week (PROTOCOL, section 3)
UP, STATE, ACK, DOWN = "up", "state", "ack", "down"


@dataclass(frozen=True)
class Login:
    """Where the broker is, and who comes: `ironmote certificate USER --to FOLDER` writes what is in `certificates`.

    `server_name` is the name in the broker's certificate, where that is not `host`.
    """

    host: str
    port: int
    certificates: Path
    user: str
    server_name: str | None = None


@dataclass(frozen=True)
class _Listener:
    leaf: str
    motes: frozenset[str]  # empty: all
    tell: Callable[[Any], None]


@dataclass(frozen=True)
class Waiting:
    """A command that was sent: its id, and what takes it out of those that are waited for."""

    id: str
    within_s: float
    forget: Callable[[], None]


class Session:
    """One connection. What listeners are told comes on paho's thread: they return at once."""

    def __init__(self, login: Login) -> None:
        """Read the certificates. Raises NotConnected where they are not there."""
        self._login = login
        self._lock = threading.Condition()
        self._trouble: str | None = None
        self._in = False
        self._filters: set[str] = set()
        self._granted: dict[int, bool] = {}
        self._listeners: list[_Listener] = []
        self._asked: dict[str, Callable[[Outcome], None]] = {}
        self._once = messages.Once()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"{login.user}-{os.urandom(4).hex()}")
        self._client.tls_set_context(_tls(login))
        self._client.reconnect_delay_set(_FIRST_PAUSE_S, _LAST_PAUSE_S)
        self._client.on_connect = self._connected
        self._client.on_disconnect = self._disconnected
        self._client.on_subscribe = self._subscribed
        self._client.on_message = self._arrived

    def start(self, timeout_s: float = TIMEOUT_S) -> None:
        """Connect. Raises NotConnected where that takes longer than `timeout_s`, or the broker refuses."""
        where = f"{self._login.host}:{self._login.port}"
        try:
            self._client.connect(self._login.host, self._login.port, _KEEPALIVE_S)
        except (OSError, ValueError) as error:
            raise NotConnected(f"no broker at {where}: {error}") from error
        self._client.loop_start()
        with self._lock:
            self._lock.wait_for(lambda: self._in or self._trouble is not None, timeout_s)
            trouble = None if self._in else self._trouble or "no answer"
        if trouble is not None:
            self.stop()
            raise NotConnected(f"the broker at {where} does not let {self._login.user} in: {trouble}")

    def stop(self) -> None:
        """Take leave. What is waited for is not waited for any longer."""
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def connected(self) -> bool:
        """True while the broker is there; it is looked for again by itself."""
        return self._in

    def listen(self, leaf: str, motes: Iterable[str], tell: Callable[[Any], None]) -> Callable[[], None]:
        """Have `tell` called with each Reading (leaf "up") or Status ("state") of `motes`, or of all if none is named.

        The result ends it. Raises TopicError where a mote's id is none, NotConnected where the broker does not let this
        user read that.
        """
        named = frozenset(topics.check_id(each) for each in motes)
        listener = _Listener(leaf, named, tell)
        with self._lock:
            self._listeners = [*self._listeners, listener]
        try:
            self._subscribe([_topic(mote, leaf) for mote in named] or [_topic(ANY, leaf)], anew=leaf == STATE)
        except NotConnected:
            self._end(listener)
            raise
        return lambda: self._end(listener)

    def send(
        self, mote: str, name: str, value: Value, within_s: float, for_s: int | None, tell: Callable[[Outcome], None]
    ) -> Waiting:
        """Send a command; `tell` is called with its outcome if one comes. Raises CommandRefused, NotConnected."""
        if not 0 < within_s <= _LONGEST_WITHIN_S:
            raise CommandRefused("a command is waited for a week at most")
        if name.startswith(command.RESERVED):
            raise CommandRefused(f"no command for an actuator: {name} is for gateways")
        order = command.Command(os.urandom(_ID_BYTES), name, value, None, int(time.time() + within_s) + 1, for_s)
        try:
            payload = command.encode_command_json(order)
            command.decode_command_json(payload)
            topic = _topic(topics.check_id(mote), DOWN)
        except (ValueError, TypeError, OverflowError) as error:
            raise CommandRefused(f"no command for a mote: {error}") from error
        number = order.id.hex()
        self._subscribe([_topic(mote, ACK)])
        with self._lock:
            self._asked[number] = tell
        if self._client.publish(topic, payload, 1).rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._forget(number)
            raise NotConnected("the broker is not there just now")
        return Waiting(number, within_s, lambda: self._forget(number))

    def _subscribe(self, filters: Iterable[str], anew: bool = False) -> None:
        """Ask for what is not asked for yet; `anew` for all, so that the broker says again what it retains."""
        new = [each for each in filters if anew or each not in self._filters]
        if not new:
            return
        code, number = self._client.subscribe([(each, 1) for each in new])
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS or number is None:
            raise NotConnected("the broker is not there just now")
        with self._lock:
            self._lock.wait_for(lambda: number in self._granted or not self._in, TIMEOUT_S)
            if not self._granted.pop(number, False):
                raise NotConnected(f"{self._login.user} may not read {', '.join(new)}, or the broker is gone")
            self._filters |= set(new)

    def _end(self, listener: _Listener) -> None:
        with self._lock:
            self._listeners = [each for each in self._listeners if each is not listener]

    def _forget(self, number: str) -> None:
        with self._lock:
            self._asked.pop(number, None)

    def _connected(self, client: mqtt.Client, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        with self._lock:
            self._in = not reason.is_failure
            self._trouble = str(reason) if reason.is_failure else None
            filters = sorted(self._filters)
            self._lock.notify_all()
        if self._in and filters:
            client.subscribe([(each, 1) for each in filters])

    def _disconnected(self, client: mqtt.Client, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        with self._lock:
            self._in = False
            self._trouble = self._trouble or "it ended the connection"
            self._lock.notify_all()

    def _subscribed(self, client: mqtt.Client, data: Any, number: int, reasons: list[Any], properties: Any) -> None:
        with self._lock:
            self._granted[number] = not any(each.is_failure for each in reasons)
            self._lock.notify_all()

    def _arrived(self, client: mqtt.Client, data: Any, message: mqtt.MQTTMessage) -> None:
        payload = bytes(message.payload)
        try:
            mote, leaf = messages.address(message.topic)
            if leaf == ACK:
                self._answered(*messages.answer(mote, payload))
                return
            found: list[Reading] | list[Status]
            if leaf == UP:
                found = messages.readings(mote, payload, time.time())
                if not self._once.is_new(mote, found[0].record):
                    return
            else:
                found = [messages.status(mote, payload)]
        except (MessageError, UnicodeDecodeError):
            return  # not what a mote or a gateway says: nobody else has the right to speak there
        for listener in self._listeners:
            if listener.leaf == leaf and (not listener.motes or mote in listener.motes):
                for each in found:
                    listener.tell(each)

    def _answered(self, number: str, outcome: Outcome) -> None:
        with self._lock:
            tell = self._asked.pop(number, None)
        if tell is not None:
            tell(outcome)


class _NamedContext(ssl.SSLContext):
    """Checks the name in the broker's certificate also where the broker is reached by another one."""

    server_name: str | None = None

    def wrap_socket(self, sock: Any, *arguments: Any, **named: Any) -> ssl.SSLSocket:
        if self.server_name is not None:
            named["server_hostname"] = self.server_name
        return super().wrap_socket(sock, *arguments, **named)


def _tls(login: Login) -> ssl.SSLContext:
    context = _NamedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.server_name = login.server_name
    folder, user = login.certificates, login.user
    try:
        context.load_verify_locations(cafile=folder / "ca.crt")
        context.load_cert_chain(folder / f"{user}.pem", folder / f"{user}.key")
    except (OSError, ssl.SSLError) as error:
        raise NotConnected(
            f"no certificate of {user} in {folder}: ironmote certificate {user} --to {folder} writes it ({error})"
        ) from error
    return context


def _topic(mote: str, leaf: str) -> str:
    topic: str = topics.open_topic(mote, leaf).decode()
    return topic
