"""The gateway's connection to one zone: TLS with a client certificate, a persistent session, acknowledged by hand."""

import itertools
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol, TypeAlias

from mote import sealed, topics
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ..brokers import GatewayAccess
from ..errors import IronmoteError
from .reading_ahead import ReadingAhead
from .uplink import Message

_KEEPALIVE_S = 30
_FIRST_PAUSE_S = 1
_LAST_PAUSE_S = 30
AWAY_S = 120
_MARGIN_S = 1.0
LONGEST_TOPIC = 64  # more letters than any topic of ours has
_WEBSOCKET_PATH = "/mqtt"
STREAM = "stream"  # a transport that is no MQTT (gateway.stream)


class ZoneError(IronmoteError):
    """A zone's broker cannot be reached, or does not let the gateway do its work."""


class Receipt(NamedTuple):
    """What acknowledges one delivery; it is good for the connection it came on."""

    packet_id: int
    qos: int
    connection: int


class StreamReceipt(NamedTuple):
    """What acknowledges one delivery of a stream: a subject of the server's."""

    reply: str
    qos: int = 1


AnyReceipt: TypeAlias = Receipt | StreamReceipt


class AnyZone(Protocol):
    """What a gateway needs of a zone, by MQTT or in a stream."""

    access: GatewayAccess
    settles_s: float
    settled: float  # monotonic seconds; until then what an earlier connection did not acknowledge comes again

    @property
    def trouble(self) -> str: ...

    @property
    def is_trusted(self) -> bool: ...

    def start(self, timeout_s: float | None) -> None: ...

    def check(self) -> None: ...

    def stop(self) -> None: ...

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> "Sending": ...

    def acknowledge(self, receipt: AnyReceipt) -> None: ...


class Sending:
    """Messages on their way to brokers."""

    def __init__(self, messages: Iterable[mqtt.MQTTMessageInfo]) -> None:
        """As paho has them."""
        self._messages = list(messages)
        for each in self._messages:
            if each.rc == MQTTErrorCode.MQTT_ERR_NO_CONN:  # it is queued all the same, and goes out with a connection
                each.rc = MQTTErrorCode.MQTT_ERR_SUCCESS

    def __add__(self, other: "Sending") -> "Sending":
        return Sending(self._messages + other._messages)

    @property
    def done(self) -> bool:
        """True where each was acknowledged."""
        return all(each.is_published() for each in self._messages)


class Zone:
    """One zone. `on_message(zone, message, receipt)` is called on the connection's own thread."""

    def __init__(self, access: GatewayAccess, on_message: Callable[[AnyZone, Message, AnyReceipt], None]) -> None:
        self.access = access
        self._on_message = on_message
        self._ready = threading.Event()
        self._trouble = ""
        self._left: float | None = None  # monotonic seconds; when the connection that there was broke
        self._connection = 0
        self.settles_s = access.again_s + _MARGIN_S if access.again_s else 0.0
        self.settled = 0.0  # monotonic seconds; until then what an earlier connection did not acknowledge comes again
        self._places = itertools.cycle([(access.host, access.port), *access.more])
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=access.client_id,
            clean_session=False,
            protocol=mqtt.MQTTv311,
            transport="websockets" if access.transport == "websockets" else "tcp",
            manual_ack=True,
        )
        if access.transport == "websockets":
            self._client.ws_set_options(path=_WEBSOCKET_PATH)
        if access.username is not None:
            self._client.username_pw_set(access.username, access.password)
        context = tls_of(access)
        context.sslsocket_class = ReadingAhead
        self._client.tls_set_context(context)
        self._client.reconnect_delay_set(_FIRST_PAUSE_S, _LAST_PAUSE_S)
        self._client.max_inflight_messages_set(64)
        self._client.on_connect = self._connected
        self._client.on_connect_fail = self._failed
        self._client.on_disconnect = self._disconnected
        self._client.on_subscribe = self._subscribed
        self._client.on_message = self._arrived

    def start(self, timeout_s: float | None) -> None:
        """Connect and subscribe. Raises ZoneError where that takes longer than `timeout_s`; None: it is not waited for.

        A connection that fails or breaks is tried again for ever.
        """
        self._client.connect_async(*next(self._places), _KEEPALIVE_S)
        self._client.loop_start()
        if timeout_s is None:
            return
        if not self._ready.wait(timeout_s) or self._trouble:
            self.stop()
            raise ZoneError(f"zone {self.access.zone}: {self._trouble or 'its broker does not answer'}")

    @property
    def trouble(self) -> str:
        """What keeps the gateway from hearing this zone, in words; "" where nothing does."""
        if self._trouble:
            return self._trouble
        return "" if self._ready.is_set() and self._left is None else "its broker does not answer"

    def check(self) -> None:
        """Raise ZoneError where the broker refuses what it once allowed, or has been away for two minutes."""
        if self._trouble:
            raise ZoneError(f"zone {self.access.zone}: {self._trouble}")
        left = self._left
        if left is not None and time.monotonic() - left > AWAY_S:
            raise ZoneError(f"zone {self.access.zone}: its broker cannot be reached")

    def stop(self) -> None:
        """Take leave; the broker keeps the session."""
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> "Sending":
        """Send at QoS 1; queued while the connection is away."""
        return Sending([self._client.publish(topic, payload, qos=1, retain=retain)])

    @property
    def is_trusted(self) -> bool:
        """True where its consumers are told what gateways have verified."""
        return self.access.is_trusted

    def acknowledge(self, receipt: AnyReceipt) -> None:
        """Tell the broker that it may forget a message. One of an earlier connection comes again, and is told then."""
        if isinstance(receipt, Receipt) and receipt.connection == self._connection:
            self._client.ack(receipt.packet_id, receipt.qos)

    def _connected(
        self,
        client: mqtt.Client,
        userdata: object,
        flags: mqtt.ConnectFlags,
        code: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if code.is_failure:
            self._trouble = f"its broker refuses the gateway: {code}"
            self._ready.set()
            return
        self._connection += 1
        if flags.session_present:
            self.settled = time.monotonic() + self.settles_s
        self._left = None
        result, _ = client.subscribe(topics.subscription(self.access.prefix), 1)
        if result != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._trouble = "cannot subscribe"
            self._ready.set()

    def _disconnected(
        self,
        client: mqtt.Client,
        userdata: object,
        flags: mqtt.DisconnectFlags,
        code: ReasonCode,
        properties: Properties | None,
    ) -> None:
        # paho connects again by itself, and a broker may give numbers anew then: what came before is not acknowledged.
        self._connection += 1
        if self._left is None:
            self._left = time.monotonic()
        if code.is_failure:
            self._elsewhere()

    def _failed(self, client: mqtt.Client, userdata: object) -> None:
        # paho tries again by itself; `start` gives up in its own time.
        self._elsewhere()

    def _elsewhere(self) -> None:
        """Have paho try the next place when it connects again."""
        if self.access.more:
            self._client.connect_async(*next(self._places), _KEEPALIVE_S)

    def _subscribed(
        self,
        client: mqtt.Client,
        userdata: object,
        packet_id: int,
        codes: list[ReasonCode],
        properties: Properties | None,
    ) -> None:
        self._trouble = "its broker refuses the gateway's subscription" if any(c.is_failure for c in codes) else ""
        self._ready.set()

    def _arrived(self, client: mqtt.Client, userdata: object, found: mqtt.MQTTMessage) -> None:
        try:
            topic = found.topic
        except UnicodeDecodeError:
            topic = ""  # no topic of ours: refused like any other
        # It may wait with thousands of others: of what is too long no more is kept than shows that it is.
        topic, payload = topic[:LONGEST_TOPIC], bytes(found.payload[: sealed.MAX_UP + 1])
        message = Message(self.access.zone, self.access.prefix, topic, payload, found.retain, found.dup)
        self._on_message(self, message, Receipt(found.mid, found.qos, self._connection))


def tls_of(access: GatewayAccess) -> ssl.SSLContext:
    """TLS with the gateway's certificate, to a broker whose own the fleet's authority has signed."""
    context = ssl.create_default_context(cafile=None if access.ca_file is None else str(access.ca_file))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if access.cert_file is not None:
        context.load_cert_chain(access.cert_file, access.key_file)
    return context
