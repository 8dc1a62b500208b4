"""What is known of each mote now: from the roster, and from what the gateway has told since it started."""

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..history.reader import Latest, Status
from .event_lines import Told
from .events import (
    Event,
    MessageRefused,
    MoteConfirmed,
    MoteRevoked,
    RecordSeen,
    RootRotated,
    StateSeen,
    Value,
)
from .roster import Entry

_NAMES = 64  # readings of one mote; their names are the mote's to choose


@dataclass
class _Known:
    """One mote. `seen` is seconds since 1970, None until it was heard."""

    entry: Entry
    generation: int
    online: bool | None = None  # None: nothing was heard that would say so
    seen: float | None = None
    boot: int | None = None
    confirmed: bool = False
    revoked: int = 0  # root keys up to this generation are not believed
    refused: int = 0
    said: dict[str, Any] = field(default_factory=dict)  # in its last status
    newest: tuple[int, int, int] = (0, 0, 0)  # generation, boot and number of the record that `latest` is of
    latest: dict[str, dict[str, Any]] = field(default_factory=dict)


class Overview:
    """Takes events on the gateway's worker; any thread may ask."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._lock = threading.Lock()
        self._motes: dict[str, _Known] = {}
        self.admit(entries)

    def admit(self, entries: Iterable[Entry]) -> None:
        """These are the motes from here on. What is known of who stays, stays."""
        with self._lock:
            before, self._motes = self._motes, {}
            for entry in entries:
                member = entry.member
                known = before.get(member.id)
                if known is None:
                    sealed = member.seal_key is not None
                    known = _Known(entry, member.generation, confirmed=not sealed)
                known.entry, known.generation = entry, max(known.generation, member.generation)
                if member.revoked:
                    known.revoked = max(known.revoked, member.generation)
                self._motes[member.id] = known

    def take(self, event: Event) -> None:
        """Note what an event tells."""
        mote = event.mote
        known = self._motes.get(mote) if mote is not None else None
        if known is None:
            return
        with self._lock:
            if isinstance(event, RecordSeen):
                _take_record(known, event)
            elif isinstance(event, StateSeen):
                _take_state(known, event)
            elif isinstance(event, MessageRefused):
                known.refused += event.times
            elif isinstance(event, MoteConfirmed):
                known.confirmed, known.boot = True, event.boot
            elif isinstance(event, RootRotated):
                known.generation = event.generation
            elif isinstance(event, MoteRevoked):
                known.revoked, known.online = max(known.revoked, known.generation), False

    def entry(self, mote: str) -> Entry | None:
        """What the roster says of `mote`; None where it is not there."""
        known = self._motes.get(mote)
        return None if known is None else known.entry

    def told(self, mote: str) -> Told:
        """What lines of `mote` need."""
        known = self._motes.get(mote)
        return known.entry.told if known is not None else Told("", "", "")

    def latest(self, mote: str, name: str) -> Value:
        """The last value of a reading, None where there is none."""
        known = self._motes.get(mote)
        found = known.latest.get(name) if known is not None else None
        value: Value = None if found is None else found["value"]
        return value

    def to_json(self) -> list[dict[str, Any]]:
        """A dict a mote, by id."""
        found = []
        for _, known in sorted(self._motes.items()):
            with self._lock:  # for each alone: with many motes nobody waits long for it
                found.append(_plain(known))
        return found

    def recall(self, mote: str, latest: Iterable[Latest], statuses: Sequence[Status]) -> None:
        """Note what a mote had said, the last of `statuses` its newest, where it was not heard since."""
        with self._lock:
            known = self._motes.get(mote)
            if known is None or known.seen is not None:
                return
            for each in list(latest)[:_NAMES]:
                known.latest[each.name] = {"value": each.value, "unit": each.unit, "time": each.at}
            times = [each["time"] for each in known.latest.values()]
            for status in statuses[-1:]:
                known.boot = status.boot
                known.online = status.online if known.online is None else known.online
                known.said = status.said if status.online else known.said
                times.append(status.arrived)
            known.seen = max(times, default=None)


def _take_record(known: _Known, event: RecordSeen) -> None:
    known.online = True  # whatever a will said: it has just spoken
    known.seen = event.arrived
    identity = (event.generation, event.boot, event.number)
    newer = identity > known.newest  # what waited in the mote comes late
    if newer:
        known.newest, known.boot = identity, event.boot
    for reading in event.readings:
        if reading.name not in known.latest and len(known.latest) >= _NAMES:
            continue
        taken = reading.time if reading.time is not None else event.taken
        when = taken if taken is not None else event.arrived
        if newer or reading.name not in known.latest:
            known.latest[reading.name] = {"value": reading.value, "unit": reading.unit, "time": when}


def _take_state(known: _Known, event: StateSeen) -> None:
    known.online = event.state.online
    if event.state.online:
        known.said, known.boot, known.seen = event.state.said, event.state.boot, time.time()


def _plain(known: _Known) -> dict[str, Any]:
    entry = known.entry
    return {
        "id": entry.member.id,
        "board": entry.board,
        "channel": entry.member.channel,
        "why": entry.why,
        "zone": entry.member.zone,
        "online": bool(known.online),
        "seen": known.seen,
        "generation": known.generation,
        "boot": known.boot,
        "confirmed": known.confirmed,
        "revoked": known.generation <= known.revoked,
        "certificate_ends": entry.certificate_ends,
        "state": known.said,
        "latest": {name: dict(each) for name, each in known.latest.items()},
        "refused": known.refused,
        "actuators": [_actuator(each, entry.told.rules) for each in entry.actuators],
    }


def _actuator(settings: Mapping[str, Any], rules: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """An actuator as the mote's settings have it, and the kind of `rule` that drives it, None where none does."""
    rule = rules.get(str(settings["name"]))
    return {**settings, "rule": None if rule is None else rule["kind"]}
