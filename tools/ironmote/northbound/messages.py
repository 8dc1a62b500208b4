"""What consumers read of a sealed mote: what a mote inside TLS publishes itself, and what the gateway adds to it.

What it adds comes first: `channel`, `epoch` (the boot counter of the epoch it was sealed in), `sequence`, `arrived`
(seconds since 1970), and `confirmed`, false where the mote had not yet answered the gateway's challenge. To SenML they
are labels that a reader passes over (RFC 8428, 4.4). PROTOCOL, section 12.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from mote import record, topics

from ..gateway.events import CommandEnded, StateSeen
from ..gateway.outbox import Unpublished

_ARRIVED_DIGITS = 3


def of_record(stored: Unpublished) -> bytes:
    """The record as a SenML pack in JSON. Raises RecordError where it is none."""
    identity = record.identity(stored.generation, stored.boot, stored.number)
    pack: bytes = record.pack_json(topics.base_name(stored.mote), stored.taken, identity, stored.readings)
    added = {
        "channel": stored.channel,
        "epoch": stored.epoch,
        "sequence": stored.sequence,
        "arrived": round(stored.arrived, _ARRIVED_DIGITS),
        "confirmed": stored.confirmed,
    }
    return b"[{" + _fields(added) + b"," + pack[2:]


def of_state(seen: StateSeen, arrived: float) -> bytes:
    """A mote's status, or its will, without what it did not say."""
    told = {name: value for name, value in asdict(seen.state).items() if value not in (None, "", ())}
    added = {"arrived": round(arrived, _ARRIVED_DIGITS), "confirmed": seen.confirmed}
    return b"{" + _fields(added | told) + b"}"


def of_answer(ended: CommandEnded, arrived: float) -> bytes:
    """The outcome of a command: the mote's answer, or `unknown` where there was none."""
    answer = {"id": ended.id.hex(), "name": ended.name, "result": ended.result, "value": ended.value, "why": ended.why}
    answer["arrived"] = round(arrived, _ARRIVED_DIGITS)
    return b"{" + _fields(answer) + b"}"


def _fields(fields: Mapping[str, Any]) -> bytes:
    """The inside of a JSON object, without what there is nothing to say of."""
    told = {name: value for name, value in fields.items() if value is not None}
    return json.dumps(told, separators=(",", ":"), allow_nan=False).encode()[1:-1]
