"""What happens as JSON-able dicts, for scripts and for whoever listens: one form for demo, listen and the owner's line.

OPERATIONS, "The lines of --json", says what is in them. Times are seconds since 1970.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .events import (
    CommandEnded,
    Event,
    MessageRefused,
    MoteConfirmed,
    MoteRevoked,
    RecordSeen,
    RecordsMayBeMissing,
    RecordsSkipped,
    RootKept,
    RootRotated,
    StateSeen,
    Value,
)

Line = dict[str, Any]


@dataclass(frozen=True)
class Switch:
    """A rule has driven the actuator `name` to `value`; `felt` is the last that was reported of its sensor."""

    name: str
    value: Value
    unit: str | None
    rule: str
    sensor: str | None
    felt: Value


@dataclass(frozen=True)
class Told:
    """What a line needs of a mote beside the event. `rules` are by the name of their actuator."""

    board: str
    channel: str
    why: str
    rules: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def switches(
    event: RecordSeen, rules: Mapping[str, Mapping[str, Any]], latest: Callable[[str], Value]
) -> Iterator[Switch]:
    """What rules have driven, as a record tells of it; `latest` gives the last value of a reading."""
    for reading in event.readings:
        rule = rules.get(reading.name)
        if rule is not None:
            sensor = rule.get("sensor")
            felt = latest(sensor) if sensor is not None else None
            yield Switch(reading.name, reading.value, reading.unit, rule["kind"], sensor, felt)


class EventLines:
    """Makes the lines. Events come in their order, from one thread.

    `told` gives what is known of a mote, `latest` the last value of its reading of a name, which knows this event.
    """

    def __init__(self, told: Callable[[str], Told], latest: Callable[[str, str], Value]) -> None:
        self._told = told
        self._latest = latest
        self._channels: set[str] = set()

    def of(self, event: Event) -> list[Line]:
        """The lines of an event, first the mote's channel where it is heard for the first time."""
        if isinstance(event, RecordSeen):
            return [*self._channel(event.mote), *self._record(event)]
        if isinstance(event, StateSeen):
            now = round(time.time(), 3)
            channel = self._channel(event.mote, event.state.channel, event.state.why)
            return [*channel, {"event": "state", "mote": event.mote, "time": now, **event.state.said}]
        return [_line(event)]

    def _channel(self, mote: str, channel: str = "", why: str = "") -> Iterator[Line]:
        """Say once which channel a mote is on, as it says itself; a record that came first says it for the fleet."""
        if mote in self._channels:
            return
        self._channels.add(mote)
        told = self._told(mote)
        yield {
            "event": "channel",
            "mote": mote,
            "board": told.board,
            "channel": channel or told.channel,
            "why": why or told.why,
        }

    def _record(self, event: RecordSeen) -> Iterator[Line]:
        for reading in event.readings:
            taken = reading.time if reading.time is not None else event.taken
            yield {
                "event": "reading",
                "mote": event.mote,
                "name": reading.name,
                "unit": reading.unit,
                "value": reading.value,
                "time": taken if taken is not None else round(event.arrived, 3),
                "channel": event.channel,
                "record": [event.boot, event.number],
            }
        for switch in switches(event, self._told(event.mote).rules, lambda name: self._latest(event.mote, name)):
            yield {"event": "switch", "mote": event.mote, **asdict(switch)}


def _line(event: Event) -> Line:
    said: Line
    if isinstance(event, MessageRefused):
        said = {"event": "refused", "mote": event.mote, "why": event.why, "zone": event.zone}
        said |= {"alert": event.alert, "times": event.times}
    elif isinstance(event, CommandEnded):
        said = {"event": "command", "mote": event.mote, "command": event.name, "result": event.result}
        said |= {"value": _plain(event.value), "why": event.why, "ms": round(event.ms, 1)}
    elif isinstance(event, RecordsMayBeMissing):
        said = {"event": "missing", "mote": event.mote, "boot": event.boot, "after": event.after, "until": event.until}
    elif isinstance(event, RecordsSkipped):
        said = {"event": "skipped", "mote": event.mote, "boot": event.boot}
        said |= {"after": event.after, "number": event.number}
    elif isinstance(event, MoteConfirmed):
        said = {"event": "confirmed", "mote": event.mote, "boot": event.boot}
    elif isinstance(event, RootRotated):
        said = {"event": "rotated", "mote": event.mote, "generation": event.generation}
    elif isinstance(event, RootKept):
        said = {"event": "kept", "mote": event.mote, "generation": event.generation, "why": event.why}
    elif isinstance(event, MoteRevoked):
        said = {"event": "revoked", "mote": event.mote}
    else:
        raise TypeError(f"no line for a {type(event).__name__}")
    return said | {"time": round(time.time(), 3)}


def _plain(value: Any) -> Any:
    """What JSON can hold of an answer's value: a mote may answer with bytes."""
    return value.hex() if isinstance(value, bytes) else value
