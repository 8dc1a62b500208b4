"""What an eavesdropper can tell from bytes on a link: TLS records (RFC 8446 sect. 5.1, RFC 5246 sect. 6.2) and
MQTT 3.1.1 packets, cut out of the stream and put into words. Pure: no I/O, no clock, and no key.
"""

import enum
import struct
from dataclasses import dataclass, field

from mote import sealed

from ..plain import plain

_MAX_PACKET = 65_536
_TLS_HANDSHAKE = 22
_TLS_APPLICATION = 23
_TLS_TYPES = {20: "change cipher spec", 21: "alert", _TLS_HANDSHAKE: "handshake", _TLS_APPLICATION: "application data"}
_HELLOS = {1: "ClientHello", 2: "ServerHello"}
_SUPPORTED_VERSIONS = 43
_VERSIONS = {0x0303: "TLS 1.2", 0x0304: "TLS 1.3"}
_MQTT_TYPES = {
    1: "CONNECT", 2: "CONNACK", 3: "PUBLISH", 4: "PUBACK", 8: "SUBSCRIBE", 9: "SUBACK", 10: "UNSUBSCRIBE",
    11: "UNSUBACK", 12: "PINGREQ", 13: "PINGRESP", 14: "DISCONNECT",
}  # fmt: skip


class Direction(enum.Enum):
    """From the mote to the broker, or back."""

    UP = "up"
    DOWN = "down"


class Kind(enum.Enum):
    """What a packet is, as far as an eavesdropper can tell."""

    TLS = "tls"
    TLS_DATA = "tls data"
    MQTT = "mqtt"
    MQTT_PUBLISH = "mqtt publish"
    MQTT_CONNECT = "mqtt connect"
    OTHER = "other"


@dataclass(frozen=True)
class Packet:
    """One packet: `caption` says in words what it is, `legible` how many of its first bytes anybody can read."""

    kind: Kind
    caption: str
    data: bytes = field(repr=False)
    legible: int
    topic: str = ""


class Splitter:
    """Cuts the two directions of one connection into packets. It never raises: what it cannot tell is OTHER."""

    def __init__(self) -> None:
        self._buffers = {Direction.UP: bytearray(), Direction.DOWN: bytearray()}
        self._protocol = ""
        self._version = "TLS"
        self._explicit = 0  # bytes in front of what a record hides that anybody can read

    def feed(self, direction: Direction, data: bytes) -> list[Packet]:
        """Take bytes that were seen, return the packets that they complete."""
        if not self._protocol and data:
            self._protocol = {0x16: "tls", 0x10: "mqtt"}.get(data[0], "other")
        if self._protocol == "other":
            return [Packet(Kind.OTHER, f"{len(data)} bytes of no known protocol", bytes(data), len(data))]
        buffer = self._buffers[direction]
        buffer += data
        packets = []
        while len(packet := self._next(buffer)) > 0:
            del buffer[: len(packet)]
            packets.append(self._tls(packet) if self._protocol == "tls" else _mqtt(packet))
        if len(buffer) > _MAX_PACKET:
            self._protocol = "other"
            buffer.clear()
        return packets

    def between(self, direction: Direction) -> bool:
        """True while no MQTT packet of this direction is under way: the place where another one would fit in."""
        return self._protocol == "mqtt" and not self._buffers[direction]

    def _next(self, buffer: bytearray) -> bytes:
        """The first whole packet in `buffer`, or nothing."""
        if self._protocol == "tls":
            size = 5 + struct.unpack_from(">H", buffer, 3)[0] if len(buffer) >= 5 else 0
        else:
            head = _mqtt_head(buffer)
            size = sum(head) if head else 0
        return bytes(buffer[:size]) if 0 < size <= len(buffer) else b""

    def _tls(self, record: bytes) -> Packet:
        size = len(record) - 5
        if record[0] == _TLS_HANDSHAKE and len(record) > 9 and record[5] in _HELLOS:
            if record[5] == 2:
                self._version = _server_version(record[5:])
                self._explicit = _explicit_nonce(record[5:]) if self._version == "TLS 1.2" else 0
            caption = f"{self._version} handshake, {_HELLOS[record[5]]}, {size} bytes"
            return Packet(Kind.TLS, caption, record, len(record))
        kind = Kind.TLS_DATA if record[0] == _TLS_APPLICATION else Kind.TLS
        name = _TLS_TYPES.get(record[0], f"record of type {record[0]}")
        legible = 5 + (self._explicit if kind is Kind.TLS_DATA else 0)
        return Packet(kind, f"{self._version} {name}, {size} bytes", record, min(legible, len(record)))


def _server_version(handshake: bytes) -> str:
    """The version that a ServerHello settles on: its extension if there is one, else its own field."""
    try:
        version = struct.unpack_from(">H", handshake, 4)[0]
        at = 38 + 1 + handshake[38] + 3
        end = at + 2 + struct.unpack_from(">H", handshake, at)[0]
        at += 2
        while at + 4 <= end:
            kind, length = struct.unpack_from(">HH", handshake, at)
            if kind == _SUPPORTED_VERSIONS:
                version = struct.unpack_from(">H", handshake, at + 4)[0]
            at += 4 + length
    except (struct.error, IndexError):
        return "TLS"
    return _VERSIONS.get(version, f"TLS 0x{version:04x}")


def _explicit_nonce(handshake: bytes) -> int:
    """How many bytes of nonce or IV TLS 1.2 sends in the clear with each record, by the suite of a ServerHello.

    8 with GCM and CCM (RFC 5288, 3; RFC 6655, 3), none with ChaCha20 (RFC 7905, 2), a block with CBC (RFC 5246,
    6.2.3.2).
    """
    try:
        suite = struct.unpack_from(">H", handshake, 39 + handshake[38])[0]
    except (struct.error, IndexError):
        return 0
    if 0x9C <= suite <= 0xAD or 0xC02B <= suite <= 0xC032 or 0xC09C <= suite <= 0xC0AF:
        return 8
    return 0 if 0xCCA8 <= suite <= 0xCCAE else 16


def _mqtt_head(data: bytes | bytearray) -> tuple[int, int] | None:
    """Length of the fixed header and of what follows it (MQTT 3.1.1, 2.2.3), or None where it is not all there."""
    length = shift = 0
    for count, byte in enumerate(data[1:5], 2):
        length |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return count, length
    return None


def _mqtt(packet: bytes) -> Packet:
    name = _MQTT_TYPES.get(packet[0] >> 4, "packet of an unknown type")
    head = _mqtt_head(packet)
    start = head[0] if head else len(packet)
    try:
        if name == "PUBLISH":
            return _publish(packet, start)
        if name == "CONNECT":
            return _connect(packet, start)
    except (struct.error, IndexError):
        pass  # not what its first byte says; it is shown for what it is
    return Packet(Kind.MQTT, f"MQTT {name} in the clear, {len(packet)} bytes", packet, len(packet))


def _string(packet: bytes, at: int) -> tuple[bytes, int]:
    size = struct.unpack_from(">H", packet, at)[0]
    return packet[at + 2 : at + 2 + size], at + 2 + size


def _words(data: bytes) -> str:
    return plain(data.decode(errors="replace"))


def _publish(packet: bytes, start: int) -> Packet:
    topic, at = _string(packet, start)
    name = _words(topic)
    if packet[0] & 0x06:
        at += 2  # packet id
    payload = packet[at:]
    words = f"MQTT PUBLISH in the clear, topic {name}, {len(payload)} bytes"
    sight = _sealed_sight(payload)
    if sight is None:
        return Packet(Kind.MQTT_PUBLISH, f"{words} that anybody can read", packet, len(packet), name)
    outside, inner = sight
    caption = f"{words}, COSE_Encrypt0 ({outside}): nothing inside can be read"
    return Packet(Kind.MQTT_PUBLISH, caption, packet, len(packet) - inner, name)


def _sealed_sight(payload: bytes) -> tuple[str, int] | None:
    """What a sealed message shows on its outside, and the size of what it hides; None where it is not sealed."""
    try:
        envelope = sealed.parse(payload, sealed.MAX_UP)
        boot = sealed.split_epoch(envelope.epoch)[1]
    except sealed.Refused:
        return None
    return f"boot {boot}, number {envelope.sequence}", len(envelope.ciphertext)


def _connect(packet: bytes, start: int) -> Packet:
    _, at = _string(packet, start)
    flags = packet[at + 1]
    client, _ = _string(packet, at + 4)
    secret = "a password that is an HMAC and not the key" if flags & 0x40 else "no password"
    caption = f"MQTT CONNECT in the clear, client {_words(client)}, {secret}"
    return Packet(Kind.MQTT_CONNECT, caption, packet, len(packet))
