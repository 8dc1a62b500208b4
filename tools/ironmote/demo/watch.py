"""What has been seen so far of each mote: the numbers behind the screen, the JSON lines and the exit status."""

import contextlib
import math
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ..gateway import CommandEnded, Event, MessageRefused, MoteConfirmed, RecordSeen, StateSeen
from ..gateway.event_lines import Switch, switches
from ..gateway.events import Value

SERIES = 64  # readings of one mote that are kept apart; the names are the mote's to choose
VALUES = 240  # values of each reading that are kept to draw
ANSWERS = ("done", "refused", "expired")


@dataclass
class Series:
    """The last values of one reading."""

    unit: str | None
    values: deque[float] = field(default_factory=lambda: deque(maxlen=VALUES))
    latest: float | int | bool | str | None = None


@dataclass
class MoteWatch:
    """One mote. Times are monotonic seconds, None until it happened.

    `actuators` and `rules` are those of its settings, by the name of the actuator.
    """

    id: str
    board: str
    channel: str
    why: str
    actuators: frozenset[str] = frozenset()
    rules: dict[str, dict[str, Any]] = field(default_factory=dict)
    online: bool = False
    series: dict[str, Series] = field(default_factory=dict)
    records: int = 0
    samples: int = 0  # the records among them that sensors have said something in
    readings: int = 0
    messages: int = 0
    refused: int = 0
    highest: int = 0  # the highest record number of the newest boot
    boot: int = 0
    started_at: float | None = None
    heard_at: float | None = None
    last_at: float | None = None
    free: int | None = None
    firmware: str = ""
    confirmed: bool = False  # sealed: it has answered the gateway's challenge
    restarts: int = 0
    commands: list[str] = field(default_factory=list)  # results, in the order of the answers
    order: bytes | None = None  # the command that the demo sent; others come from its dashboard

    def note(self, name: str, unit: str | None, value: Value) -> None:
        """Take a value of a reading."""
        if name not in self.series and len(self.series) >= SERIES:
            return
        series = self.series.setdefault(name, Series(unit))
        series.unit, series.latest = unit, value
        if isinstance(value, int | float):
            with contextlib.suppress(OverflowError):  # an integer that is no float
                if math.isfinite(number := float(value)):
                    series.values.append(number)

    @property
    def answered(self) -> bool:
        """True when the demo's command was answered by the mote."""
        return len(self.commands) > 0 and all(result in ANSWERS for result in self.commands)

    @property
    def startup_s(self) -> float | None:
        """From power on to the first verified reading, in seconds."""
        if self.heard_at is None or self.started_at is None:
            return None
        return self.heard_at - self.started_at


class Watch:
    """All motes, by id, in the fleet's order."""

    def __init__(self, motes: list[MoteWatch]) -> None:
        self.motes = {mote.id: mote for mote in motes}
        self.refused = 0

    @property
    def readings(self) -> int:
        """Readings of all motes."""
        return sum(mote.readings for mote in self.motes.values())

    @property
    def all_heard(self) -> bool:
        """True when a reading of every mote has been verified."""
        return all(mote.heard_at is not None for mote in self.motes.values())

    @property
    def all_answered(self) -> bool:
        """True when every mote has answered every command it was sent, at least one."""
        return all(mote.answered for mote in self.motes.values())

    def take(self, event: Event) -> None:
        """Count an event of the gateway."""
        if isinstance(event, MessageRefused):
            self.refused += event.times
            if event.mote in self.motes:
                self.motes[event.mote].refused += event.times
            return
        mote = self.motes[event.mote]
        if isinstance(event, CommandEnded):
            if event.id == mote.order:
                mote.commands.append(event.result)
            mote.messages += event.result in ANSWERS
            return
        if isinstance(event, MoteConfirmed):
            mote.confirmed = True
        if not isinstance(event, RecordSeen | StateSeen):
            return
        mote.messages += 1
        mote.last_at = time.monotonic()
        if isinstance(event, StateSeen):
            state = event.state
            mote.online = state.online
            if state.online:
                mote.channel, mote.why = state.channel or mote.channel, state.why or mote.why
                mote.free = state.free
        else:
            self._record(mote, event)

    def switches(self, event: RecordSeen) -> Iterator[Switch]:
        """What rules have driven, as a record tells of it, after it was counted."""
        return switches(event, self.motes[event.mote].rules, lambda name: self.latest(event.mote, name))

    def latest(self, mote: str, name: str) -> Value:
        """The last value of a reading, None where there is none."""
        series = self.motes[mote].series.get(name)
        return None if series is None else series.latest

    def _record(self, mote: MoteWatch, event: RecordSeen) -> None:
        mote.online = True  # whatever a will said: it has just spoken
        mote.records += 1
        mote.samples += any(reading.name not in mote.actuators for reading in event.readings)
        mote.readings += len(event.readings)
        mote.heard_at = mote.heard_at or time.monotonic()
        if event.boot > mote.boot:
            mote.boot, mote.highest = event.boot, 0
        if event.boot == mote.boot:
            mote.highest = max(mote.highest, event.number)
        for reading in event.readings:
            mote.note(reading.name, reading.unit, reading.value)
