"""What an eavesdropper on the clear link can try: say again, byte for byte, what a mote said.

A broker that only compares passwords lets in whoever repeats a recorded CONNECT (docs/THREATS.md). The gateway
is where it ends: the message has been taken once.
"""

import socket
import time

from ..brokers import Endpoint
from ..errors import IronmoteError
from .tap import Captured
from .wire import Direction, Kind

_TIMEOUT_S = 3.0
_CONNACK = 0x20
_PUBACK = 0x40
_DISCONNECT = b"\xe0\x00"


def recorded(captured: list[Captured]) -> bytes | None:
    """The last sealed record on a clear link, as one PUBLISH packet; None before there was one."""
    for each in reversed(captured):
        packet = each.packet
        if each.direction is Direction.UP and packet.kind is Kind.MQTT_PUBLISH and packet.topic.endswith("/up"):
            return packet.data
    return None


def replay(broker: Endpoint, connect: bytes, publish: bytes) -> None:
    """Open a session with a recorded CONNECT and send a recorded PUBLISH again; returns when the broker has it.

    The mote loses its session by this, as it would to a real attacker, and comes back. IronmoteError where the
    broker does not let the recording in.
    """
    try:
        with socket.create_connection((broker.host, broker.port), _TIMEOUT_S) as link:
            link.settimeout(_TIMEOUT_S)
            link.sendall(connect)
            _expect(link, _CONNACK)
            link.sendall(publish)
            _expect(link, _PUBACK)
            link.sendall(_DISCONNECT)  # else the broker would release the recorded will as well
    except OSError as error:
        raise IronmoteError(f"the replayed session broke off: {error}") from error


def _expect(link: socket.socket, kind: int) -> None:
    deadline = time.monotonic() + _TIMEOUT_S
    while time.monotonic() < deadline:
        first, length = _exactly(link, 2)
        body = _exactly(link, length)
        if first & 0xF0 == kind:
            if kind == _CONNACK and body[-1:] != b"\x00":
                raise IronmoteError("the broker did not take the recorded CONNECT")
            return
    raise IronmoteError("the broker did not answer the replayed packets")


def _exactly(link: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = link.recv(count - len(data))
        if not part:
            raise IronmoteError("the broker closed the replayed session")
        data += part
    return data
