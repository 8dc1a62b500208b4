"""Keeps Home Assistant's configurations as the fleet is: those of new entities come, those of removed ones go.

What a mote can report is in its owner's file; in which unit, and whether as a number, it says itself. So a sensor is
announced once it has been heard, and what was heard is remembered in a file, since a broker may lose what it retains.
"""

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from .. import durable
from ..gateway.events import Event, RecordSeen, StateSeen, Value
from . import home_assistant
from .home_assistant import Described, Device
from .newest import Newest, Sent

Publish = Callable[[str, bytes], Sent | None]  # at QoS 1, retained
_log = logging.getLogger(__name__)


class Discovery:
    """The configurations of one fleet. Not for several threads."""

    def __init__(self, fleet: str, motes: Mapping[str, Described], publish: Publish, memory: Path) -> None:
        """`fleet` is the fleet's id in hexadecimal; `memory` the file, made where it is missing."""
        self._fleet = fleet
        self._motes = motes
        self._memory = memory
        self._heard: dict[str, dict[str, tuple[str | None, str]]] = {}  # mote: name: unit and kind
        self._versions: dict[str, str] = {}
        self._topics: set[str] = set()  # that have a configuration
        self._latest: dict[str, dict[str, Value]] = {}  # mote: name: value
        self._newest: dict[str, tuple[int, int, int]] = {}  # identity of the record that its values are of
        self._changed: set[str] = set()  # motes whose last values are to be said
        self._said = Newest(publish)
        self._unsaved = False
        self._load()

    def announce(self, motes: Mapping[str, Described] | None = None) -> None:
        """Publish every configuration, of `motes` as they are now, and clear those of entities that are gone."""
        if motes is not None:
            self._motes = motes
        self._heard = {
            mote: {name: found for name, found in names.items() if name in self._motes[mote].names}
            for mote, names in self._heard.items()
            if mote in self._motes
        }
        self._latest = {mote: values for mote, values in self._latest.items() if mote in self._motes}
        configs = dict(self._all())
        configs |= {home_assistant.latest_topic(mote): values for mote, values in self._latest.items()}
        gone = self._topics - set(configs)
        # Remembered first: what is cleared or announced twice does no harm.
        self._topics |= set(configs)
        self._save()
        # What entities show goes after them: they would take nothing for a value.
        for topic in sorted(gone, key=lambda each: (not each.endswith("/config"), each)):
            self._said.say(topic, b"")
        for topic, config in configs.items():
            self._send(topic, config)
        self._topics = set(configs)
        self._save()

    def event(self, event: Event) -> None:
        """Take notice of what a mote reports, and of the version that it says it has; `flush` says its last values."""
        if event.mote is None or event.mote not in self._motes:
            return
        if isinstance(event, RecordSeen):
            self._learn(event)
            self._note(event)
        elif isinstance(event, StateSeen) and event.state.version not in ("", self._versions.get(event.mote)):
            self._versions[event.mote] = event.state.version
            self._add(self._of_mote(event.mote))

    def flush(self) -> None:
        """Say the last values of the motes that were heard since, and remember what is new. Raises OSError."""
        for mote in sorted(self._changed & self._latest.keys()):
            topic = home_assistant.latest_topic(mote)
            self._unsaved = self._unsaved or topic not in self._topics
            self._topics.add(topic)
            self._said.say(topic, _json(self._latest[mote]))
        self._changed.clear()
        self._said.turn()
        if self._unsaved:
            self._save()

    @property
    def waits(self) -> bool:
        """True where `flush` has something to say once brokers have acknowledged what is on its way."""
        return self._said.waits

    def _note(self, event: RecordSeen) -> None:
        """Keep the last values; a record that comes late adds what nothing is known of, and changes nothing else."""
        described, values = self._motes[event.mote], self._latest.setdefault(event.mote, {})
        identity = event.generation, event.boot, event.number
        newer = identity > self._newest.get(event.mote, (0, 0, 0))
        if newer:
            self._newest[event.mote] = identity
        for each in event.readings:
            known = each.name in described.actuators or each.name in described.names
            if known and (newer or each.name not in values):
                # What is on or off may stay so for days: it is remembered over a start of the gateway.
                lasts = each.name in described.actuators or isinstance(each.value, bool)
                self._unsaved = self._unsaved or (lasts and values.get(each.name) != each.value)
                values[each.name] = each.value
        self._changed.add(event.mote)

    def _learn(self, event: RecordSeen) -> None:
        described, heard = self._motes[event.mote], self._heard.setdefault(event.mote, {})
        for each in event.readings:
            if each.name not in described.names or each.name in described.actuators:
                continue
            found = each.unit, _kind(each.value)
            if heard.get(each.name) != found:
                self._forget(event.mote, each.name)
                heard[each.name] = found
                self._add([home_assistant.reading(self._device(event.mote), each.name, *found)])

    def _forget(self, mote: str, name: str) -> None:
        """Clear what was announced under this name when it was something else: Home Assistant keeps both."""
        before = self._heard[mote].pop(name, None)
        if before is not None:
            topic, _ = home_assistant.reading(self._device(mote), name, *before)
            self._said.say(topic, b"")
            self._topics.discard(topic)

    def _add(self, configs: Iterable[tuple[str, dict[str, Any]]]) -> None:
        made = dict(configs)
        self._topics |= set(made)
        self._unsaved = True
        for topic, config in made.items():
            self._send(topic, config)

    def _all(self) -> Iterable[tuple[str, dict[str, Any]]]:
        for mote in sorted(self._motes):
            yield from self._of_mote(mote)

    def _of_mote(self, mote: str) -> Iterable[tuple[str, dict[str, Any]]]:
        device = self._device(mote)
        yield from home_assistant.diagnostics(device)
        for name, settings in self._motes[mote].actuators.items():
            yield home_assistant.actuator(device, name, settings)
        for name, found in self._heard.get(mote, {}).items():
            yield home_assistant.reading(device, name, *found)

    def _device(self, mote: str) -> Device:
        return Device(self._fleet, mote, self._motes[mote].board, self._versions.get(mote, ""))

    def _send(self, topic: str, config: Mapping[str, Any]) -> None:
        self._said.say(topic, _json(config))

    def _load(self) -> None:
        try:
            found = json.loads(self._memory.read_text(encoding="utf-8"))
            self._topics = {str(topic) for topic in found["topics"]}
            self._versions = {str(mote): str(version) for mote, version in found["versions"].items()}
            self._heard = {
                mote: {name: (unit, kind) for name, (unit, kind) in names.items()}
                for mote, names in found["heard"].items()
            }
            self._latest = {str(mote): dict(values) for mote, values in found["latest"].items()}
            self._newest = {str(mote): (each[0], each[1], each[2]) for mote, each in found["newest"].items()}
        except FileNotFoundError:
            pass
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            # Nothing is lost but what to clear: motes say again what they report.
            _log.warning("%s cannot be read; it is made anew", self._memory)

    def _save(self) -> None:
        known = {"topics": sorted(self._topics), "versions": self._versions, "heard": self._heard}
        durable.replace(self._memory, json.dumps(known | {"latest": self._latest, "newest": self._newest}, indent=1))
        self._unsaved = False


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return home_assistant.FLAG
    return home_assistant.TEXT if isinstance(value, str) else home_assistant.NUMBER
