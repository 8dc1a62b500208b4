"""A message as others see it: anyone on the mote's link, and its broker; byte for byte where they can see bytes.

Whoever is on a link with TLS sees records of a length, and nothing in them. Where the link is really listened to, as in
the demo, the record that was captured is shown; elsewhere only what is certain is said.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mote import sealed

_TAG = 16
_SENDERS = {1: "the mote: records, answers, status", 2: "a gateway", 3: "the mote: its will", 4: "a new root key"}
# What a TLS record has beside the packet: its head, perhaps a nonce, the tag, in TLS 1.3 a byte for its type.
_TLS_LEAST, _TLS_MOST = 21, 45
_LONGEST = 2_048  # bytes that are shown of a message

Seen = dict[str, Any]


@dataclass(frozen=True)
class Captured:
    """A packet as it was captured on a link. `legible` is how many of its first bytes anybody can read."""

    at: float  # seconds since 1970
    up: bool
    caption: str
    data: bytes = field(repr=False)
    legible: int


Link = Callable[[str], Sequence[Captured]]


def views(wired: dict[str, Any], captured: Sequence[Captured]) -> list[Seen]:
    """Who sees what of a message of `Owner.wire`: one view for the link, a second for the broker behind TLS.

    A view is {who, caption, hex, size, parts}; a part is {name, from, to, hidden, about}: bytes `from` to `to`.
    """
    payload, topic = bytes.fromhex(wired["payload"]), str(wired["topic"])
    if wired["transport"] != "tls":
        return [_payload("anyone on the link", payload, topic)]
    record = _record(captured, wired["direction"] == "up", _packet_size(topic, payload), wired["arrived"])
    return [_tls(record, _packet_size(topic, payload)), _payload("the broker, inside TLS", payload, topic)]


def _payload(who: str, payload: bytes, topic: str) -> Seen:
    parts = _sealed_parts(payload)
    if parts is not None:
        caption = f"MQTT PUBLISH, topic {topic}: COSE_Encrypt0, {len(payload)} bytes; nothing inside can be read"
        return _view(who, caption, payload, parts)
    kind = "JSON" if _is_json(payload) else "bytes"
    caption = f"MQTT PUBLISH, topic {topic}: {len(payload)} bytes of {kind}, all of it legible here"
    return _view(who, caption, payload, [_part("payload", 0, len(payload), False, "the message itself")])


def _tls(record: Captured | None, size: int) -> Seen:
    who = "anyone on the link"
    if record is None:
        caption = f"a TLS record of about {size + _TLS_LEAST} bytes: when it was sent and how long it is, nothing more"
        return _view(who, caption, b"", [])
    parts = [_part("head", 0, min(5, record.legible), False, "type, version and length of a TLS record")]
    if record.legible > 5:
        parts.append(_part("nonce", 5, record.legible, False, "what TLS 1.2 sends of its nonce"))
    parts.append(
        _part("ciphertext", record.legible, len(record.data), True, "topic, reading and all, under the session's key")
    )
    return _view(who, f"{record.caption}, as captured on the link: nothing inside can be read", record.data, parts)


def _sealed_parts(payload: bytes) -> list[Seen] | None:
    """The parts of a sealed message (RFC 9052; docs/PROTOCOL.md); None where it is not sealed."""
    try:
        envelope = sealed.parse(payload, sealed.MAX_UP)
        generation, boot, _ = sealed.split_epoch(envelope.epoch)
    except sealed.Refused:
        return None
    kid_end = 10 + len(envelope.kid)
    piv_end = kid_end + 2 + len(envelope.piv)
    epoch_end = piv_end + 2 + len(envelope.epoch)
    hidden = len(payload) - len(envelope.ciphertext)
    sender = _SENDERS.get(envelope.kid[0], "?")
    spent = f"root key {generation}, boot {boot}, and 8 random bytes: a new key for each boot"
    return (
        [
            _part("COSE tag", 0, 2, False, "COSE_Encrypt0, an array of three"),
            _part("protected header", 2, 7, False, "the algorithm: AES-CCM-16-128-256, and no other is taken"),
            _part("kid", 7, kid_end, False, f"who sealed it: {sender}"),
            _part("Partial IV", kid_end, piv_end, False, f"number {envelope.sequence} of this epoch, never used twice"),
            _part("epoch", piv_end, epoch_end, False, spent),
            _part(
                "ciphertext", epoch_end, len(payload) - _TAG, True, f"{len(envelope.ciphertext) - _TAG} bytes sealed"
            ),
            _part(
                "tag", len(payload) - _TAG, len(payload), False, "16 bytes that match nothing if one bit was changed"
            ),
        ]
        if hidden <= len(payload) - _TAG
        else None
    )


def _part(name: str, start: int, end: int, hidden: bool, about: str) -> Seen:
    return {"name": name, "from": start, "to": end, "hidden": hidden, "about": about}


def _view(who: str, caption: str, data: bytes, parts: list[Seen]) -> Seen:
    return {"who": who, "caption": caption, "hex": data[:_LONGEST].hex(), "size": len(data), "parts": parts}


def _packet_size(topic: str, payload: bytes) -> int:
    """Bytes of an MQTT PUBLISH at QoS 1 (MQTT 3.1.1, 3.3)."""
    rest = 2 + len(topic.encode()) + 2 + len(payload)
    return 1 + (1 if rest < 128 else 2 if rest < 16_384 else 3) + rest


def _record(captured: Sequence[Captured], up: bool, size: int, arrived: float) -> Captured | None:
    """The captured record that by its length and time is the one: all that an eavesdropper has to go by, too."""
    fitting = [
        each
        for each in captured
        if each.up == up and _TLS_LEAST <= len(each.data) - size <= _TLS_MOST and abs(each.at - arrived) < 5
    ]
    return min(fitting, key=lambda each: abs(each.at - arrived), default=None)


def _is_json(payload: bytes) -> bool:
    try:
        json.loads(payload)
    except (ValueError, RecursionError):
        return False
    return True
