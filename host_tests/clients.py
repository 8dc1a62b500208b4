"""MQTT clients for the tests: paho, waiting with a deadline for what it is expected to see."""

import ssl
import threading
import time
import uuid
from pathlib import Path

import paho.mqtt.client as mqtt
from ironmote.brokers import Endpoint, GatewayAccess
from ironmote.certificates import Credential

WAIT_S = 5.0


class Client:
    """One MQTT 3.1.1 client. `connect` gives True when the broker accepts it."""

    def __init__(self, client_id="", *, username=None, password=None, transport="tcp", clean=True):
        self.messages: list[tuple[str, bytes, bool]] = []
        self._changed = threading.Condition()
        self._connected = None
        self._granted: dict[int, bool] = {}
        self._acknowledged: set[int] = set()
        self._mqtt = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2,
            client_id,
            clean_session=clean,
            transport=transport,
            reconnect_on_failure=False,
        )
        if username is not None:
            self._mqtt.username_pw_set(username, password)
        self._mqtt.on_connect = self._on_connect
        self._mqtt.on_connect_fail = self._on_connect_fail
        self._mqtt.on_disconnect = self._on_disconnect
        self._mqtt.on_subscribe = self._on_subscribe
        self._mqtt.on_publish = self._on_publish
        self._mqtt.on_message = self._on_message
        if transport == "websockets":
            self._mqtt.ws_set_options(path="/mqtt")

    def tls(self, ca: Path, cert: Path | None = None, key: Path | None = None) -> "Client":
        self._mqtt.tls_set(str(ca), str(cert) if cert else None, str(key) if key else None)
        return self

    def will(self, topic: str, payload: bytes) -> "Client":
        self._mqtt.will_set(topic, payload, 1)
        return self

    def connect(self, host: str, port: int) -> bool:
        try:
            self._mqtt.connect(host, port)
        except (OSError, ssl.SSLError):
            return False
        self._mqtt.loop_start()
        self._wait(lambda: self._connected is not None)
        return bool(self._connected)

    @property
    def connected(self) -> bool:
        return bool(self._connected)

    def subscribe(self, topic: str, qos: int = 1) -> bool:
        _, mid = self._mqtt.subscribe(topic, qos)
        self._wait(lambda: mid in self._granted or not self._connected)
        return self._granted.get(mid, False)

    def publish(self, topic: str, payload: bytes = b"", *, qos: int = 1, retain: bool = False) -> None:
        self._mqtt.publish(topic, payload, qos, retain)

    def publish_and_wait(self, topic: str, payload: bytes) -> bool:
        """Publish at QoS 1; True once the broker has acknowledged it, False where it does not in time."""
        sent = self._mqtt.publish(topic, payload, 1)
        return (
            self._wait(lambda: sent.mid in self._acknowledged or not self._connected) and sent.mid in self._acknowledged
        )

    def hears_something(self) -> bool:
        return self._wait(lambda: bool(self.messages))

    def keep_unacknowledged(self) -> None:
        """Take messages and never say so, as one does that dies before it could."""
        self._mqtt.manual_ack_set(True)

    def hears(self, topic: str, payload: bytes) -> bool:
        return self._wait(lambda: any(message[:2] == (topic, payload) for message in self.messages))

    def closed(self) -> bool:
        return self._wait(lambda: not self._connected)

    def drop(self) -> None:
        """End as a mote does that loses power: the broker publishes the will."""
        self._mqtt.loop_stop()
        sock = self._mqtt.socket()
        if sock is not None:
            sock.close()

    def disconnect(self) -> None:
        self._mqtt.disconnect()
        self._mqtt.loop_stop()

    def _wait(self, condition) -> bool:
        with self._changed:
            return self._changed.wait_for(condition, WAIT_S)

    def _on_connect(self, client, userdata, flags, reason, properties):
        with self._changed:
            self._connected = not reason.is_failure
            self._changed.notify_all()

    def _on_connect_fail(self, client, userdata):
        with self._changed:
            self._connected = False
            self._changed.notify_all()

    def _on_disconnect(self, client, userdata, flags, reason, properties):
        with self._changed:
            self._connected = False
            self._changed.notify_all()

    def _on_subscribe(self, client, userdata, mid, reasons, properties):
        with self._changed:
            self._granted[mid] = not any(reason.is_failure for reason in reasons)
            self._changed.notify_all()

    def _on_publish(self, client, userdata, mid, reason, properties):
        with self._changed:
            self._acknowledged.add(mid)
            self._changed.notify_all()

    def _on_message(self, client, userdata, message):
        with self._changed:
            self.messages.append((message.topic, message.payload, message.retain))
            self._changed.notify_all()


def gateway(access: GatewayAccess, *, clean: bool = True) -> Client:
    """A client that comes in as the gateway does; not yet connected."""
    client = Client(
        access.client_id, username=access.username, password=access.password, transport=access.transport, clean=clean
    )
    return client.tls(access.ca_file, access.cert_file, access.key_file)


def with_certificate(credential: Credential, ca: Path, folder: Path, client_id: str, **login) -> Client:
    """A client with a certificate of its own; not yet connected."""
    name = uuid.uuid4().hex
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    cert.write_bytes(credential.cert_pem)
    key.write_bytes(credential.key_pem)
    return Client(client_id, **login).tls(ca, cert, key)


def at(client: Client, endpoint: Endpoint) -> Client:
    """`client`, connected; the test fails when the broker does not let it in."""
    assert client.connect(endpoint.host, endpoint.port)
    return client


def settle() -> None:
    """Long enough for what must not arrive to have arrived; the sure sign is a later message on the same link."""
    time.sleep(0.2)
