"""What motes say on the trusted side, from the bytes of a message to objects. Pure: no connection, no clock.

A mote inside TLS says it itself; for a sealed one a gateway says what it has verified, with more fields (PROTOCOL,
section 12). Both are read here alike.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from mote import record, strictjson, topics

Value: TypeAlias = float | int | bool | str

_LONGEST = 16_384
_LATEST = 2**40  # seconds since 1970, as of readings
_REMEMBERED = 4_096  # identities of records, over all motes


class MessageError(ValueError):
    """Not a message of a mote."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One measured value. Times are seconds since 1970.

    `time` is when it was taken, or when it arrived where the mote does not know the time. `record` is the identity of
    its record: generation, boot counter, number. `channel` and what follows it are None where the mote itself spoke,
    inside TLS; `confirmed` is False where it may be a recording of earlier times.
    """

    mote: str
    name: str
    unit: str | None
    value: Value
    time: float
    record: tuple[int, int, int]
    channel: str | None = None
    epoch: int | None = None
    sequence: int | None = None
    arrived: float | None = None
    confirmed: bool = True


@dataclass(frozen=True, slots=True)
class Status:
    """What a mote says of itself; `said` has all its fields (PROTOCOL, section 4)."""

    mote: str
    online: bool
    said: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended: "done", "refused" or "expired" as the mote answered; "unknown" where nothing came in time.

    `value` is the state that the mote says its actuator has, `why` the reason where it was not done.
    """

    mote: str
    name: str
    result: str
    value: Value | None = None
    why: str | None = None

    @property
    def done(self) -> bool:
        """True where the mote says that it has done it."""
        return self.result == "done"


def readings(mote: str, payload: bytes, now: float) -> list[Reading]:
    """The readings of a record that came on mote/<id>/up at `now`. Raises MessageError."""
    try:
        if len(payload) > _LONGEST:
            raise ValueError("too long")
        taken = record.unpack_json(payload, mote)
        said = strictjson.loads(payload)[0]
        arrived = _time(said.get("arrived"))
    except (ValueError, RecursionError) as error:
        raise MessageError(f"not a record of {mote}") from error
    since = taken.base_time if taken.base_time is not None else arrived if arrived is not None else now
    return [
        Reading(
            mote,
            each.name,
            each.unit,
            each.value,
            each.time if each.time is not None else since,
            taken.identity,
            _text(said.get("channel")),
            _count(said.get("epoch")),
            _count(said.get("sequence")),
            arrived,
            said.get("confirmed") is not False,
        )
        for each in taken.readings
    ]


def status(mote: str, payload: bytes) -> Status:
    """The status, or the will, that came on mote/<id>/state. Raises MessageError."""
    said = _object(payload)
    if not isinstance(said.get("online"), bool):
        raise MessageError(f"not a status of {mote}")
    return Status(mote, said["online"], {name: value for name, value in said.items() if name != "mark"})


def answer(mote: str, payload: bytes) -> tuple[str, Outcome]:
    """The id, in hexadecimal, and the outcome that came on mote/<id>/ack. Raises MessageError."""
    said = _object(payload)
    name, result, why = said.get("name"), said.get("result"), said.get("why")
    if not (isinstance(said.get("id"), str) and isinstance(name, str) and isinstance(result, str)):
        raise MessageError(f"not an answer of {mote}")
    if why is not None and not isinstance(why, str):
        raise MessageError(f"not an answer of {mote}")
    value = said.get("value")
    return said["id"], Outcome(mote, name, result, value if isinstance(value, float | int | str) else None, why)


def address(topic: str) -> tuple[str, str]:
    """Mote and leaf of a topic under mote/. Raises MessageError."""
    try:
        prefix, mote, leaf = topics.split(topic)
    except topics.TopicError as error:
        raise MessageError("a topic that is none of ours") from error
    if prefix != topics.OPEN:
        raise MessageError("not of the trusted side")
    return mote, leaf


class Once:
    """Tells which records are new: what a gateway republishes, and what a broker delivers, may come more than once."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, tuple[int, int, int]], None] = OrderedDict()

    def is_new(self, mote: str, identity: tuple[int, int, int]) -> bool:
        """True the first time; the last few thousand are remembered."""
        key = (mote, identity)
        if key in self._known:
            return False
        self._known[key] = None
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return True


def _object(payload: bytes) -> dict[str, Any]:
    try:
        found = strictjson.loads(payload) if len(payload) <= _LONGEST else None
    except (ValueError, RecursionError) as error:
        raise MessageError("not JSON") from error
    if not isinstance(found, dict):
        raise MessageError("not an object")
    return found


def _time(value: object) -> float | None:
    """None for what is no time: a mote inside TLS says what it likes, also numbers that no float holds."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _LATEST:
        return None
    return float(value)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
