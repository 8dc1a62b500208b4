"""The MQTT 3.1.1 client: umqtt.simple composes and parses, the Wire waits, and what umqtt would do
unsafely is done here.

Runs on every generation of umqtt.simple that users meet: 1.3.4 (`ssl_params`, `ussl`), 1.4 (`ssl=` alone, an
object with `wrap_socket`), 1.5 to 1.8 (both). What is replaced, and why:

* CONNACK, SUBACK and PUBACK: umqtt waits for each inside the call that asked for it, and checks
  bytes of the broker with `assert`, which vanishes under -O.
* packet ids: umqtt's never wrap at 65,535 (MQTT 3.1.1, 2.3.1).
* QoS 2: umqtt asserts; here it is refused with an error.
* retained messages: umqtt hands them on as new ones; a command is never retained, so none is delivered.
"""

import umqtt.simple as simple

from mote import const
from mote.wire import Pending, WireError

CONNACK = const(0x20)
PUBLISH = const(0x30)
PUBACK = const(0x40)
SUBACK = const(0x90)
PINGRESP = const(0xD0)

_RETAIN = const(0x01)
_DUP = const(0x08)
_QOS_MASK = const(0x06)
_GRANTED_MAX = const(1)  # QoS 0 or 1; 0x80 is a refusal (3.9.3)

UNAVAILABLE = const(3)  # CONNECT return codes (3.2.2.3): an outage,
NOT_ADMITTED = (4, 5)  # a password that is not taken, a client that is not let in
# as a person reads them.
_REFUSALS = (
    "",
    "the broker does not speak MQTT 3.1.1",
    "the broker does not accept this client id",
    "the broker is not available",
    "the broker refuses this user name or password",
    "the broker does not authorise this mote",
)


class MqttError(Exception):
    """The broker broke the protocol, or refused; the connection is of no more use."""


class Refused(MqttError):
    """CONNECT was answered with `code` (3.2.2.3); 4 and 5 will not change by asking again soon."""

    def __init__(self, code):
        super().__init__(_REFUSALS[code] if 0 < code < len(_REFUSALS) else "the broker answered CONNECT with %d" % code)
        self.code = code


class Client(simple.MQTTClient):
    """One session with a broker over `wire`, which the caller has dialled.

    `tls` is an object with wrap_socket(wire, server_hostname), or None. `on_message(topic, payload)`
    is called from `take` with bytes; it must not raise, and PUBACK follows it. A retained message gets PUBACK alone.
    """

    def __init__(self, wire, mote_id, server, port, user, password, keepalive_s, tls, on_message):
        name = mote_id.encode()
        try:
            super().__init__(name, server, port, user, password, keepalive_s, ssl=tls, ssl_params={"context": tls})
        except TypeError:  # 1.4 and later have no ssl_params
            super().__init__(name, server, port, user, password, keepalive_s, ssl=tls)
        # umqtt reaches the network through the name `socket` in its module; that name is the Wire now.
        simple.socket = wire
        self.sock = self._wire = wire
        self._on_message = on_message
        self.set_callback(on_message)  # it composes no SUBSCRIBE without one

    def send_connect(self):
        """Compose CONNECT with a clean session."""
        self._compose(super().connect)

    def send_subscribe(self, topic, packet_id):
        """Compose SUBSCRIBE to `topic` (bytes) at QoS 1."""
        self.pid = packet_id - 1
        self._compose(super().subscribe, topic, 1)

    def send_publish(self, topic, payload, retain, packet_id, again):
        """Compose PUBLISH at QoS 1; `again` marks it as a redelivery (DUP)."""
        self.pid = packet_id - 1
        mark = self._wire.mark()
        try:
            self._compose(super().publish, topic, payload, retain, 1)
        except WireError:
            self._wire.drop(mark)
            raise
        if again:
            self._wire.set_flags(mark, _DUP)

    def _compose(self, call, *words):
        """Let umqtt write a packet, and stop it where it would wait for the answer."""
        self._wire.composing = True  # else it takes what is left of a broker's packet for that answer
        try:
            call(*words)
        except Pending:
            return
        except (AssertionError, simple.MQTTException):
            raise MqttError("umqtt could not compose a packet")
        finally:
            self._wire.composing = False
        raise MqttError("umqtt did not ask for an answer")

    def take(self, first):
        """Handle the packet that the Wire holds, whose first byte is `first`.

        Returns (type, value): CONNACK and its code, PUBACK and its packet id, SUBACK and whether it
        was granted, else the type and None. Raises MqttError or WireError on anything else.
        """
        kind = first & 0xF0
        if kind == PUBLISH:
            if first & _QOS_MASK > 2:
                raise MqttError("the broker sent a message at QoS 2, which was not subscribed")
            self.set_callback(_ignore if first & _RETAIN else self._on_message)
            try:
                self.wait_msg()  # parses, calls back, composes PUBACK
            except Pending:
                raise MqttError("a message that ends before its content")
            return PUBLISH, None
        length = self._wire.skip_head()
        if first == PINGRESP and length == 0:
            return PINGRESP, None
        if first == SUBACK and length == 3:
            return SUBACK, self._wire.read(3)[2] <= _GRANTED_MAX
        if length == 2:
            value = self._wire.read(2)
            if first == CONNACK:
                return CONNACK, value[1]
            if first == PUBACK:
                return PUBACK, value[0] << 8 | value[1]
        raise MqttError("unexpected packet 0x%02x of %d bytes" % (first, length))


def _ignore(topic, message):
    """Do nothing with a message that was retained: whoever sent it did not send it now."""
