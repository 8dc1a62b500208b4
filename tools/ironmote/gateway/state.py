"""What a mote says of itself: the status map, checked. It is printed on terminals, so its texts hold no controls.

Fields that this version does not know are left out, so that a newer mote is still heard; those it knows are checked.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mote import cbor, sealed

_MAX_BYTES = 1360
_MAX_TEXT = 200
_MOST_MISSING = 16  # as many sensors as settings can name
_MOST_ALARMS = 64  # two of each value that settings can name
_MOST_ACTUATORS = 8  # as many as settings can name
_MOST_BROKERS = 4
_LARGEST = 2**48
_LARGEST_COUNTER = 2**32 - 1
_LARGEST_GENERATION = 255
_MOST_BEFORE = 8
_WEAKEST_DBM, _STRONGEST_DBM = -128, 127  # what a firmware's signed byte holds


class StateError(ValueError):
    """Not a status map of a mote."""


@dataclass(frozen=True)
class State:
    """A mote's status. A will has `online` False and little else; fields that were not sent are None or empty."""

    online: bool
    boot: int
    connection: int
    channel: str = ""
    why: str = ""
    board: str = ""
    firmware: str = ""
    reset: str = ""
    generation: int | None = None
    free: int | None = None  # bytes of heap
    uptime: int | None = None  # seconds
    record: int | None = None  # number of the last record that was taken in this boot
    dropped: int | None = None  # records that were dropped since the start, from memory or from flash
    damaged: int | None = None  # segments of its flash that could not be read; what was in them only the numbers tell
    before: tuple[tuple[int, int, int], ...] = ()  # generation, boot and last number of boots before, where it knows
    kept: tuple[int, int, int] | None = None  # generation, boot and number of the newest record that a start found
    refused: int | None = None  # commands that did not verify, this boot
    held: tuple[str, ...] = ()  # actuators that are safe though they were told otherwise, and why; the first few
    down: int | None = None  # sealed: the highest sequence number of a downlink that it verified in this epoch
    missing: tuple[str, ...] = ()  # kinds of sensors that give nothing
    alarms: tuple[str, ...] = ()  # names of alarms that are on, the first few
    version: str = ""  # of ironmote
    used: int | None = None  # bytes of heap
    low: int | None = None  # the least bytes of heap that were free after a collection, this start
    joins: int | None = None  # how often it joined its Wi-Fi, this start
    rssi: int | None = None  # dBm
    clock: str = ""  # who said the time: "sntp", or "board" where it was there at the start; empty: it is not known
    failures: tuple[int, ...] = ()  # sessions and tries that failed, for each of its brokers in order, this start
    lost: str = ""  # what ended the last session or try, in a word
    last: str = ""  # the first words of its last warning
    mode: str = ""  # "safe", or "back": on the last settings that worked; empty: the whole mote
    mode_why: str = ""

    @property
    def said(self) -> dict[str, Any]:
        """What the mote has said, by name: without what it did not say."""
        return {name: value for name, value in asdict(self).items() if value not in (None, "", ())}


def decode_cbor(data: bytes) -> State:
    """The State in a sealed status map. Raises StateError."""
    if len(data) > _MAX_BYTES:
        raise StateError("status map too long")
    try:
        return _check(cbor.decode(data))
    except cbor.CborError as error:
        raise StateError("not a status map") from error


def decode_json(data: bytes) -> State:
    """The State in a status map that came as JSON. Raises StateError."""
    if len(data) > _MAX_BYTES:
        raise StateError("status map too long")
    try:
        return _check(json.loads(data.decode(), object_pairs_hook=_pairs, parse_constant=_no_constant))
    except (ValueError, RecursionError) as error:
        raise StateError("not a status map") from error


def to_json(said: State) -> str:
    """A State for the history: what was said, without what was not."""
    return json.dumps({name: value for name, value in asdict(said).items() if value not in (None, "", ())})


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise StateError("a name twice")
    return found


def _no_constant(name: str) -> None:
    raise StateError(f"{name} is no number")


def _check(found: object) -> State:
    if not isinstance(found, dict):
        raise StateError("not a status map")
    online = found.get("online")
    if not isinstance(online, bool):
        raise StateError("status without online")
    missing = _list(found, "missing", _MOST_MISSING)
    alarms = _list(found, "alarms", _MOST_ALARMS)
    held = _list(found, "held", _MOST_ACTUATORS)
    failures = _list(found, "failures", _MOST_BROKERS)
    before = _list(found, "before", _MOST_BEFORE)
    kept = found.get("kept")
    return State(
        online,
        boot=_required(found, "boot", _LARGEST_COUNTER),
        connection=_required(found, "connection", _LARGEST_COUNTER),
        channel=_text(found.get("channel", "")),
        why=_text(found.get("why", "")),
        board=_text(found.get("board", "")),
        firmware=_text(found.get("firmware", "")),
        reset=_text(found.get("reset", "")),
        generation=_count(found, "generation"),
        free=_count(found, "free"),
        uptime=_count(found, "uptime"),
        record=_count(found, "record", _LARGEST_COUNTER),
        dropped=_count(found, "dropped"),
        damaged=_count(found, "damaged"),
        before=tuple(_identity(each) for each in before),
        kept=None if kept is None else _identity(kept),
        refused=_count(found, "refused"),
        down=_count(found, "down", sealed.MAX_SEQUENCE),
        missing=tuple(_text(each) for each in missing),
        held=tuple(_text(each) for each in held),
        alarms=tuple(_text(each) for each in alarms),
        version=_text(found.get("version", "")),
        used=_count(found, "used"),
        low=_count(found, "low"),
        joins=_count(found, "joins"),
        rssi=_strength(found),
        clock=_text(found.get("clock", "")),
        failures=tuple(_required({"failures": each}, "failures", _LARGEST) for each in failures),
        lost=_text(found.get("lost", "")),
        last=_text(found.get("last", "")),
        mode=_text(found.get("mode", "")),
        mode_why=_text(found.get("mode_why", "")),
    )


def _list(found: Mapping[str, Any], name: str, most: int) -> list[Any] | tuple[Any, ...]:
    value = found.get(name) or ()
    if not isinstance(value, list | tuple) or len(value) > most:
        raise StateError(f"status with a wrong {name}")
    return value


def _identity(found: object) -> tuple[int, int, int]:
    """Generation, boot counter and number."""
    if not isinstance(found, list | tuple) or len(found) != 3:
        raise StateError("status with a wrong identity")
    generation, boot, number = found
    for value, largest in ((generation, _LARGEST_GENERATION), (boot, _LARGEST_COUNTER), (number, _LARGEST_COUNTER)):
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= largest:
            raise StateError("status with a wrong identity")
    return generation, boot, number


def _required(found: Mapping[str, Any], name: str, largest: int) -> int:
    value = _count(found, name, largest)
    if value is None:
        raise StateError(f"status without {name}")
    return value


def _count(found: Mapping[str, Any], name: str, largest: int = _LARGEST) -> int | None:
    value = found.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= largest:
        raise StateError(f"status with a wrong {name}")
    return value


def _strength(found: Mapping[str, Any]) -> int | None:
    value = found.get("rssi")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not _WEAKEST_DBM <= value <= _STRONGEST_DBM:
        raise StateError("status with a wrong rssi")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > _MAX_TEXT or not value.isprintable():
        raise StateError("status with a wrong text")
    return value
