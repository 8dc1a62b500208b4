"""The mark by which every gateway of a fleet knows what one of them has republished.

Under mote/<id>/ of a sealed mote only gateways may speak, and each hears that whole tree. What has no mark there came
on a lesser channel than the mote's own, and is worth an alert. The mark is 8 bytes of HMAC-SHA256 over the topic and
the payload that follows it, under a key that is made of the mote's seal key, which gateways have. It proves nothing to
consumers: for them it is the broker that lets nobody else speak there.
"""

import hmac
from collections.abc import Iterable

from mote import keys

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
        self._keys: dict[str, list[bytes]] = {}  # newest last
        for member in members:
            self.add(member)

    def add(self, member: Member) -> None:
        """Take the keys of a member as it is now; what was marked under those before is still known."""
        for seal_key in (member.seal_key, member.successor.seal_key if member.successor else None):
            if seal_key is None:
                continue
            key: bytes = keys.hkdf_expand(seal_key, _LABEL, 32)
            own = self._keys.setdefault(member.id, [])
            if key not in own:
                own.append(key)
                del own[:-_MOST_KEYS]

    def forget(self, mote: str) -> None:
        """Know nothing of `mote` any more."""
        self._keys.pop(mote, None)

    def mark(self, mote: str, topic: str, payload: bytes) -> bytes:
        """`payload`, a JSON object or an array of them that is not empty, with the mark as its first field.

        Raises KeyError where the mote is not sealed.
        """
        at = payload.index(b"{")
        rest = payload[at + 1 :]
        mark = _mark(self._keys[mote][-1], topic, rest).encode()
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


def _mark(key: bytes, topic: str, rest: bytes) -> str:
    return hmac.digest(key, topic.encode() + b"\0" + rest, "sha256")[:_BYTES].hex()
