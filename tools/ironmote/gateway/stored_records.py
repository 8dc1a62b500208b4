"""Records in the store, each of them once: by its identity, even where it was pruned since."""

from collections.abc import Sequence
from typing import NamedTuple

from mote.record import Reading

from . import rows
from .database import Database
from .events import Value
from .outbox import Outbox

_RECORDS = "records (mote, generation, boot, number, taken, arrived, channel, epoch, sequence, confirmed)"
_READINGS = "readings (record, position, name, unit, kind, value, text, taken)"


class NewRecord(NamedTuple):
    """A record that has verified. Times are seconds since 1970; `sequence` and `epoch` are None where TLS protects it.

    `identity` is generation, boot and number; `epoch` is the boot counter of the seal.
    """

    mote: str
    identity: tuple[int, int, int]
    taken: float | None
    arrived: float
    channel: str
    sequence: int | None
    epoch: int | None
    readings: tuple[Reading, ...]
    confirmed: bool = True


class StoredRecords:
    """The records of a store. Everything here belongs inside a transaction of its."""

    def __init__(self, db: Database, outbox: Outbox | None) -> None:
        """`outbox` gets every new record, where there is one."""
        self._db = db
        self._outbox = outbox

    def add(self, records: Sequence[NewRecord]) -> list[bool]:
        """Store records and their readings; False for each whose identity was there before, or is twice among them."""
        known = self._pruned(records)
        kept = [each for each in records if (each.mote, *each.identity) not in known]
        made = rows.insert(
            self._db,
            _RECORDS,
            [
                (each.mote, *each.identity, each.taken, each.arrived, each.channel, each.epoch, each.sequence,
                 int(each.confirmed))
                for each in kept
            ],
            "ON CONFLICT DO NOTHING RETURNING id, mote, generation, boot, number",
        )  # fmt: skip
        ids: dict[tuple[str, int, int, int], int] = {(row[1], row[2], row[3], row[4]): row[0] for row in made}
        new: list[bool] = []
        readings: list[tuple[object, ...]] = []
        for each in records:
            record = ids.pop((each.mote, *each.identity), None)
            new.append(record is not None)
            if record is not None:
                readings += [
                    (record, place, one.name, one.unit, *_parts(one.value), one.time)
                    for place, one in enumerate(each.readings)
                ]
        rows.insert(self._db, _READINGS, readings)
        if self._outbox is not None:
            self._outbox.add([row[0] for row in made])
        return new

    def has(self, mote: str, identity: tuple[int, int, int], readings: tuple[Reading, ...]) -> bool:
        """True where the record that is there under this identity has these readings, whenever they were taken.

        True also where it was pruned, since nothing can tell any more.
        """
        query = (
            "SELECT name, unit, kind, value, text FROM readings JOIN records ON record = records.id"
            " WHERE mote = ? AND generation = ? AND boot = ? AND number = ? ORDER BY position"
        )
        there = self._db.execute(query, (mote, *identity)).fetchall()
        if there == [(each.name, each.unit, *_parts(each.value)) for each in readings]:
            return True
        pruned = "SELECT 1 FROM pruned WHERE mote = ? AND generation = ? AND boot = ? AND first <= ? AND last >= ?"
        return self._db.execute(pruned, (mote, *identity, identity[2])).fetchone() is not None

    def highest(self, mote: str, generation: int, boot: int) -> int:
        """The highest number of a record of this boot, 0 where there was none."""
        # Not MAX: PostgreSQL would read all numbers of the boot while it has no statistics of them.
        query = (
            "SELECT (SELECT number FROM records WHERE mote = ? AND generation = ? AND boot = ? ORDER BY number DESC"
            " LIMIT 1), (SELECT last FROM pruned WHERE mote = ? AND generation = ? AND boot = ? ORDER BY first DESC"
            " LIMIT 1)"
        )
        stored, pruned = self._db.execute(query, (mote, generation, boot) * 2).fetchone()
        return max(stored or 0, pruned or 0)

    def _pruned(self, records: Sequence[NewRecord]) -> set[tuple[str, int, int, int]]:
        """Mote and identity of those of `records` that were here and are pruned."""
        if not records or self._db.execute("SELECT 1 FROM pruned LIMIT 1").fetchone() is None:
            return set()
        motes = sorted({each.mote for each in records})
        lowest = min(each.identity[2] for each in records)
        query = "SELECT mote, generation, boot, first, last FROM pruned WHERE mote IN ({}) AND last >= ?"
        ranges: dict[tuple[str, int, int], list[tuple[int, int]]] = {}
        for mote, generation, boot, first, last in rows.select(self._db, query, motes, lowest):
            ranges.setdefault((mote, generation, boot), []).append((first, last))
        return {
            (each.mote, *each.identity)
            for each in records
            for first, last in ranges.get((each.mote, *each.identity[:2]), ())
            if first <= each.identity[2] <= last
        }


def _parts(value: Value) -> tuple[str, float | int | None, str | None]:
    """Kind, number and text of a reading's value."""
    if isinstance(value, bool):
        return "bool", int(value), None
    return ("text", None, value) if isinstance(value, str) else ("number", value, None)
