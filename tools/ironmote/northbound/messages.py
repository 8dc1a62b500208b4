"""What consumers read of a sealed mote: what a mote inside TLS publishes itself, and what the gateway adds to it.

What it adds comes first: `channel`, `epoch` (the boot counter of the epoch it was sealed in), `sequence`, `arrived`
(seconds since 1970), and `confirmed`, false where the mote had not yet answered the gateway's challenge. To SenML they
are labels that a reader passes over (RFC 8428, 4.4). PROTOCOL, section 12.
"""

import json
from dataclasses import asdict
from typing import Any

from mote import record, topics
from mote.record import Reading

from ..gateway.events import CommandEnded, StateSeen
from ..gateway.outbox import Unpublished

_ARRIVED_DIGITS = 3
_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


def of_record(stored: Unpublished) -> bytes:
    """The record as a SenML pack in JSON, as motes make it (mote.record.pack_json, which is for boards: it is slow)."""
    first = {
        "channel": stored.channel,
        "epoch": stored.epoch,
        "sequence": stored.sequence,
        "arrived": round(stored.arrived, _ARRIVED_DIGITS),
        "confirmed": stored.confirmed,
        "bn": topics.base_name(stored.mote),
        "ri": record.identity(stored.generation, stored.boot, stored.number),
    }
    if stored.taken is not None:
        first["bt"] = _number(stored.taken)
    pack = [_entry(each, stored.taken) for each in stored.readings]
    pack[0] = first | pack[0]
    return _json(pack)


def _entry(reading: Reading, base_time: float | None) -> dict[str, Any]:
    value = reading.value
    label = "vb" if isinstance(value, bool) else "vs" if isinstance(value, str) else "v"
    entry: dict[str, Any] = {"n": reading.name, "u": reading.unit, label: value}
    if not reading.unit:
        del entry["u"]
    if reading.time is not None and reading.time != base_time:
        entry["t"] = _number(reading.time - (base_time or 0))
    return entry


def _number(value: float) -> float:
    """`value` as an integer where it is one."""
    return int(value) if value == int(value) else value


def of_state(seen: StateSeen, arrived: float) -> bytes:
    """A mote's status, or its will, without what it did not say."""
    told = {name: value for name, value in asdict(seen.state).items() if value not in (None, "", ())}
    added = {"arrived": round(arrived, _ARRIVED_DIGITS), "confirmed": seen.confirmed}
    return _json(added | told)


def of_revoked(arrived: float) -> bytes:
    """What takes the place of the status of a mote that was revoked."""
    return _json({"arrived": round(arrived, _ARRIVED_DIGITS), "online": False, "revoked": True})


def of_answer(ended: CommandEnded, arrived: float) -> bytes:
    """The outcome of a command: the mote's answer, or `unknown` where there was none."""
    answer = {"id": ended.id.hex(), "name": ended.name, "result": ended.result, "value": ended.value, "why": ended.why}
    answer["arrived"] = round(arrived, _ARRIVED_DIGITS)
    return _json({name: value for name, value in answer.items() if value is not None})


def _json(value: Any) -> bytes:
    return _ENCODER.encode(value).encode()
