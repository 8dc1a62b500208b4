"""What an attacker on the clear link can try: say again, byte for byte, what a mote said.

A broker that asks an authenticator refuses a CONNECT that was used; one that only compares passwords lets it in. Who
is on the path can also slip bytes into the mote's own session (`tap.Taps.inject`). Either way it ends at the gateway:
the message has been taken once (docs/THREATS.md).
"""

import socket
import time

from ..brokers import Endpoint
from ..errors import IronmoteError
from .tap import Captured
from .wire import Direction, Kind

_TIMEOUT_S = 5.0  # longer than a broker waits for its authenticator
_CONNACK = 0x20
_PUBACK = 0x40
_ACCEPTED = b"\x00"
_DISCONNECT = b"\xe0\x00"


class _Closed(Exception):
    """The broker closed the session."""


def recorded(captured: list[Captured]) -> bytes | None:
    """The last sealed record on a clear link, as one PUBLISH packet; None before there was one."""
    for each in reversed(captured):
        packet = each.packet
        if each.direction is Direction.UP and packet.kind is Kind.MQTT_PUBLISH and packet.topic.endswith("/up"):
            return packet.data
    return None


def replay(broker: Endpoint, connect: bytes, publish: bytes) -> bool:
    """Try a recorded CONNECT; where the broker lets it in, send a recorded PUBLISH again and see it acknowledged.

    False where the broker refuses the CONNECT. Where it does not, the mote loses its session, as it would to a real
    attacker, and comes back. IronmoteError where the broker does neither.
    """
    try:
        with socket.create_connection((broker.host, broker.port), _TIMEOUT_S) as link:
            link.settimeout(_TIMEOUT_S)
            link.sendall(connect)
            try:
                if _answer(link, _CONNACK)[-1:] != _ACCEPTED:
                    return False
            except (_Closed, ConnectionResetError):
                return False
            link.sendall(publish)
            _answer(link, _PUBACK)
            link.sendall(_DISCONNECT)  # else the broker would release the recorded will as well
            return True
    except (OSError, _Closed) as error:
        raise IronmoteError(f"the replayed session broke off: {error}") from error


def _answer(link: socket.socket, kind: int) -> bytes:
    """What follows the head of the next packet of `kind`. Raises _Closed, or IronmoteError where none comes in time."""
    deadline = time.monotonic() + _TIMEOUT_S
    while time.monotonic() < deadline:
        first, length = _exactly(link, 2)
        body = _exactly(link, length)
        if first & 0xF0 == kind:
            return body
    raise IronmoteError("the broker did not answer the replayed packets")


def _exactly(link: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = link.recv(count - len(data))
        if not part:
            raise _Closed("the broker closed it")
        data += part
    return data
