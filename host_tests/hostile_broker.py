"""A broker that a test plays itself, packet by packet, over a connection of a hostile.Listener."""

import os
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress

from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from hostile import Behaviour, Link
from ironmote.fleet import Fleet
from mote import cbor, command, keys, sealed, topics

CONNECT, PUBLISH, PUBACK, SUBSCRIBE, PINGREQ = 1, 3, 4, 8, 12


def packet(first: int, body: bytes) -> bytes:
    """An MQTT packet (3.1.1, 2.2)."""
    length, left = bytearray(), len(body)
    while left > 0x7F:
        length.append(left & 0x7F | 0x80)
        left >>= 7
    length.append(left)
    return bytes([first]) + bytes(length) + body


class Session:
    """One connection of a sealed mote, from CONNECT on."""

    def __init__(self, link: Link) -> None:
        self._socket: socket.socket = link.socket
        self.packet_id = b""  # of the last PUBLISH

    def take(self) -> tuple[int, bytes]:
        """The next packet's type and body. Raises EOFError at the end."""
        kind = self._exactly(1)[0] >> 4
        length = shift = 0
        while True:
            byte = self._exactly(1)[0]
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return kind, self._exactly(length)

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def publish(self, topic: bytes, payload: bytes, flags: int = 0x02) -> None:
        """PUBLISH at QoS 1; `flags` are DUP, QoS and RETAIN."""
        self.send(packet(0x30 | flags, struct.pack(">H", len(topic)) + topic + b"\0\x07" + payload))

    def uplinks(self, acknowledge: bool = True) -> Iterator[tuple[bytes, bytes]]:
        """Be a good broker; yield topic and payload of each PUBLISH, until the mote goes."""
        with suppress(EOFError, OSError):
            while True:
                kind, body = self.take()
                if kind == CONNECT:
                    self.send(b"\x20\x02\0\0")
                elif kind == SUBSCRIBE:
                    self.send(b"\x90\x03" + body[:2] + b"\x01")
                elif kind == PINGREQ:
                    self.send(b"\xd0\0")
                elif kind == PUBLISH:
                    end = 2 + struct.unpack_from(">H", body)[0]
                    self.packet_id = body[end : end + 2]
                    if acknowledge:
                        self.send(b"\x40\x02" + self.packet_id)
                    yield body[2:end], body[end + 2 :]

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = self._socket.recv(size - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data


class Gateway:
    """Who has the seal key of `mote_id`: seals commands to it, anchored to the last uplink that it was shown."""

    def __init__(self, fleet: Fleet, mote_id: str) -> None:
        self._fleet_id = fleet.id
        self._root = fleet.motes[mote_id].root
        self._id = mote_id
        self._sequence = 0
        self._anchor: int | None = None
        self.epoch = b""

    def sees(self, payload: bytes) -> None:
        """Take `payload`, of an uplink."""
        envelope = sealed.parse(payload, sealed.MAX_UP)
        self.epoch, self._anchor = envelope.epoch, envelope.sequence

    def order(self, name: str, value: object) -> bytes:
        """The next command, sealed."""
        key = keys.subkey(self._root, self._fleet_id, keys.SEAL)
        context = sealed.Context(key, self._fleet_id, sealed.DOWNLINK + b"honest", self.epoch, AESCCM)
        self._sequence += 1
        plain = command.encode_command_cbor(
            command.Command(os.urandom(8), name, value, self._anchor, 2_000_000_000, None)
        )
        message: bytes = context.seal(self._sequence, topics.name(self._id, "down"), plain)
        return message


def forged(epoch: bytes, size: int) -> bytes:
    """A downlink of the right form in `epoch`, by nobody: its ciphertext of `size` bytes is random."""
    kid = b"\x47\x02" + os.urandom(6)
    head: bytes = cbor.head(cbor.BYTES, size)
    return bytes.fromhex("d08344a101181fa304") + kid + b"\x06\x41\x05\x0a\x4d" + epoch + head + os.urandom(size)


def plays(script: Callable[[Session, int], None]) -> Behaviour:
    """Play `script(session, number)` with each connection; the first is number 1."""
    count = 0

    def behave(link: Link) -> None:
        nonlocal count
        count += 1
        with suppress(EOFError):
            script(Session(link), count)

    return behave
