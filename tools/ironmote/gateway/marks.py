"""The mark by which every gateway of a fleet knows what one of them has republished.

Under mote/<id>/ of a sealed mote only gateways may speak, and each hears that whole tree. What has no mark there came
on a lesser channel than the mote's own, and is worth an alert. The mark is 8 bytes of HMAC-SHA256 over the topic and
the payload that follows it, under a key that is made of the mote's seal key, which gateways have. It proves nothing to
consumers: for them it is the broker that lets nobody else speak there.
"""

import hmac
from collections.abc import Iterable

from .members import Member

_LABEL = b"ironmote 1 republished"
_BYTES = 8
_FIELD = b'{"mark":"'
_AFTER = b'",'
_MOST_KEYS = 3  # of a mote: the one before, its own, and the one that will follow


class Marks:
    """Makes marks and knows them."""

    def __init__(self, members: Iterable[Member]) -> None:
        """`members` may be motes that are not sealed: nothing is marked for them."""
        self._keys: dict[str, tuple[bytes, ...]] = {}  # seal keys; the first is the mote's own
        for member in members:
            self.add(member)

    def add(self, member: Member) -> None:
        """Take the keys of a member as it is now; what was marked under those before is still known."""
        if member.seal_key is None:
            return
        follows = () if member.successor is None else (member.successor.seal_key,)
        every = (member.seal_key, *follows, *self._keys.get(member.id, ()))
        self._keys[member.id] = tuple(dict.fromkeys(every))[:_MOST_KEYS]

    def forget(self, mote: str) -> None:
        """Know nothing of `mote` any more."""
        self._keys.pop(mote, None)

    def mark(self, mote: str, topic: str, payload: bytes) -> bytes:
        """`payload`, a JSON object or an array of them that is not empty, with the mark as its first field.

        Raises KeyError where the mote is not sealed.
        """
        at = payload.index(b"{")
        rest = payload[at + 1 :]
        mark = _mark(self._keys[mote][0], topic, rest).encode()
        return b"".join((payload[:at], _FIELD, mark, _AFTER, rest))

    def has(self, mote: str, topic: str, payload: bytes) -> bool:
        """True where a gateway of this fleet has marked `payload` for `topic`."""
        head = payload[: 1 + len(_FIELD)]
        if not (head.startswith(_FIELD) or (head[:1] == b"[" and head[1:] == _FIELD)):
            return False
        at = payload.index(_FIELD) + len(_FIELD)
        end = at + 2 * _BYTES
        if payload[end : end + len(_AFTER)] != _AFTER:
            return False
        rest, said = payload[end + len(_AFTER) :], payload[at:end]
        return any(hmac.compare_digest(_mark(key, topic, rest).encode(), said) for key in self._keys.get(mote, ()))


def _mark(seal_key: bytes, topic: str, rest: bytes) -> str:
    key = hmac.digest(seal_key, _LABEL + b"\x01", "sha256")  # HKDF-Expand to 32 bytes (RFC 5869, 2.3), without a loop
    return hmac.digest(key, topic.encode() + b"\0" + rest, "sha256")[:_BYTES].hex()
