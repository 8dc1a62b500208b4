"""The history in a store. Times are seconds since 1970; that of a reading is when it was taken, where that is known."""

# ruff: noqa: S608  what is put into a query here are words of this file

import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from ..gateway.database import Database, StoreError, is_url, open_beside
from ..gateway.outbox import value_of

Value = float | bool | str | None

_CLOCKS_S = 3600.0  # how far a mote's clock may be ahead of ours before its readings are looked for in vain
_RECENT = 1000  # records in which a latest value is looked for
_AT = "COALESCE(readings.taken, records.taken, records.arrived)"


@dataclass(frozen=True, slots=True)
class Latest:
    """The last value of a reading."""

    mote: str
    name: str
    unit: str | None
    value: Value
    at: float


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a reading."""

    at: float
    value: Value
    unit: str | None


@dataclass(frozen=True, slots=True)
class Bucket:
    """The values of a reading in a stretch of time that begins `at`; of something that is on or off, 1 and 0."""

    at: float
    count: int
    lowest: float
    mean: float
    highest: float


@dataclass(frozen=True, slots=True)
class Status:
    """What a mote said of itself, as OPERATIONS lists it."""

    mote: str
    arrived: float
    online: bool
    boot: int
    said: dict[str, Any]


@dataclass(frozen=True, slots=True)
class CommandSeen:
    """A command and how it ended; `result` is None while it has not."""

    mote: str
    name: str
    value: Value
    made: float
    result: str | None
    state: Value
    why: str | None
    answered: float | None


@dataclass(frozen=True, slots=True)
class RefusalSeen:
    """So many messages in the minute that begins `at` were refused; `mote` is what their topics claim, or ""."""

    at: float
    zone: str
    mote: str
    why: str
    alert: bool
    times: int


class History:
    """Reads the store at a path or URL. For any threads, one at a time. All methods raise StoreError."""

    def __init__(self, where: Path | str) -> None:
        """Open it. Raises StoreError where no gateway has made it, or another version of ironmote has."""
        if not is_url(where) and not Path(where).exists():
            raise StoreError("nothing is stored yet; ironmote gateway stores what the fleet says")
        self._db: Database = open_beside(where, read_only=True)
        self._lock = threading.Lock()
        self._whole = "CAST(TRUNC({}) AS BIGINT)" if is_url(where) else "CAST({} AS INTEGER)"

    def __enter__(self) -> "History":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close it."""
        with self._lock:
            self._db.close()

    def motes(self) -> list[str]:
        """Who was ever heard."""
        return [row[0] for row in self._rows("SELECT id FROM motes UNION SELECT mote FROM states ORDER BY 1")]

    def latest(self, mote: str) -> list[Latest]:
        """The last value of each of its readings, by name; of those in its last 1,000 records."""
        query = (
            f"SELECT name, unit, kind, value, text, {_AT} AS at FROM (SELECT id, taken, arrived FROM records"
            " WHERE mote = ? ORDER BY arrived DESC LIMIT ?) AS records JOIN readings ON record = records.id ORDER BY at"
        )
        found = {
            name: Latest(mote, name, unit, value_of(kind, value, text), at)
            for name, unit, kind, value, text, at in self._rows(query, (mote, _RECENT))
        }
        return sorted(found.values(), key=lambda each: each.name)

    def points(self, mote: str, name: str, since: float, until: float, most: int = 1000) -> list[Point]:
        """The values of one reading from `since` to before `until`, oldest first; the newest `most` of them."""
        query = (
            "SELECT at, kind, value, text, unit FROM"
            f" (SELECT {_AT} AS at, kind, value, text, unit FROM records JOIN readings ON record = records.id"
            " WHERE records.mote = ? AND records.arrived >= ? AND readings.name = ?) AS each"
            " WHERE at >= ? AND at < ? ORDER BY at DESC LIMIT ?"
        )
        rows = self._rows(query, (mote, since - _CLOCKS_S, name, since, until, most))
        return [Point(at, value_of(kind, value, text), unit) for at, kind, value, text, unit in reversed(rows)]

    def buckets(self, mote: str, name: str, since: float, until: float, count: int) -> list[Bucket]:
        """The same in at most `count` stretches of equal length, without those in which there was no value."""
        length = (until - since) / count
        query = (
            f"SELECT bucket, COUNT(*), MIN(value), AVG(value), MAX(value) FROM"
            f" (SELECT {self._whole.format('(at - ?) / ?')} AS bucket, value FROM (SELECT {_AT} AS at, value"
            " FROM records JOIN readings ON record = records.id"
            " WHERE records.mote = ? AND records.arrived >= ? AND readings.name = ? AND value IS NOT NULL) AS each"
            " WHERE at >= ? AND at < ?) AS each GROUP BY bucket ORDER BY bucket"
        )
        rows = self._rows(query, (since, length, mote, since - _CLOCKS_S, name, since, until))
        return [Bucket(since + bucket * length, *rest) for bucket, *rest in rows]

    def statuses(self, mote: str, since: float, most: int = 1000) -> list[Status]:
        """What a mote said of itself since then, oldest first; the newest `most`."""
        query = "SELECT mote, arrived, online, boot, said FROM statuses WHERE mote = ? AND arrived >= ?"
        rows = self._rows(f"{query} ORDER BY arrived DESC LIMIT ?", (mote, since, most))
        return [Status(who, at, bool(on), boot, json.loads(said)) for who, at, on, boot, said in reversed(rows)]

    def commands(self, mote: str, since: float, most: int = 1000) -> list[CommandSeen]:
        """What was asked of a mote since then and how it ended, oldest first; the newest `most`."""
        query = (
            "SELECT mote, name, value, made, result, state, why, answered FROM commands WHERE mote = ? AND made >= ?"
        )
        rows = self._rows(f"{query} ORDER BY made DESC LIMIT ?", (mote, since, most))
        return [
            CommandSeen(who, name, json.loads(value), made, result, json.loads(state or "null"), why, answered)
            for who, name, value, made, result, state, why, answered in reversed(rows)
        ]

    def refusals(self, mote: str, since: float, most: int = 1000) -> list[RefusalSeen]:
        """What was refused since then under the name of a mote, "" for none of ours, oldest first; the last `most`."""
        query = "SELECT minute, zone, mote, why, alert, times FROM refusals WHERE mote = ? AND minute >= ?"
        rows = self._rows(f"{query} ORDER BY minute DESC LIMIT ?", (mote, int(since // 60), most))
        return [
            RefusalSeen(minute * 60.0, zone, who, why, bool(alert), times)
            for minute, zone, who, why, alert, times in reversed(rows)
        ]

    def newest_record(self) -> int:
        """The highest id of a record, 0 where there is none: how far `rows` goes."""
        return self._rows("SELECT MAX(id) FROM records")[0][0] or 0

    def rows(self, mote: str | None, since: float, chunk: int = 2000) -> Iterator[list[tuple[Any, ...]]]:
        """Every reading, in the order in which its record was stored, in lists of the readings of some records.

        Each is (id of the record, mote, generation, boot, number, taken, arrived, channel, confirmed, name, unit, kind,
        value, text), of records that arrived since then. No transaction stays open from one list to the next.
        """
        # Of one mote not by its index, whose rows would be sorted anew for each list.
        filtered = "" if mote is None else " AND mote || '' = ?"
        query = (
            f"SELECT records.id, mote, generation, boot, number, {_AT}, arrived, channel, confirmed, name, unit, kind,"
            " value, text FROM (SELECT * FROM records WHERE id > ? AND arrived >= ?"
            f"{filtered} ORDER BY id LIMIT ?) AS records"
            " JOIN readings ON record = records.id ORDER BY records.id, position"
        )
        after = 0
        whose = () if mote is None else (mote,)
        while found := self._rows(query, (after, since, *whose, chunk)):
            yield found
            after = found[-1][0]

    def _rows(self, query: str, parameters: Sequence[Any] = ()) -> list[Any]:
        with self._lock, self._db.reading():
            return self._db.execute(query, parameters).fetchall()
