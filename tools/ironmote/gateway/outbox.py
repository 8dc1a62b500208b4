"""Records that are stored and not yet handed on, oldest first: where a gateway was killed, the next one goes on.

A record goes into the outbox in the transaction that stores it, and out when whoever took it says that it was handed
on: at least once, therefore, with its identity. Of several gateways with one store each takes others, and what one of
them had in hand when it ended is another's a minute later. Then records of one mote may be handed on out of order.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from mote.record import Reading

from . import rows
from .database import Database

IN_HAND_S = 60.0  # after which another gateway takes what one has not said was handed on
_FIELDS = (
    "id",
    "mote",
    "generation",
    "boot",
    "number",
    "taken",
    "arrived",
    "channel",
    "epoch",
    "sequence",
    "confirmed",
)


@dataclass(frozen=True, slots=True)
class Unpublished:
    """A stored record. Times are seconds since 1970; `boot` is that of its identity, `epoch` that of the seal.

    `taken` is None where the mote has no clock; `epoch` and `sequence` are None where TLS protected it.
    """

    id: int  # the store's own
    mote: str
    generation: int
    boot: int
    number: int
    taken: float | None
    arrived: float
    channel: str
    epoch: int | None
    sequence: int | None
    confirmed: bool
    readings: tuple[Reading, ...]


class Outbox:
    """The outbox of a store. Use from the store's thread, outside of its transactions. All raises StoreError."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._taken = 0  # where no other gateway takes any: the last that was taken

    def add(self, records: Iterable[int]) -> None:
        """Put records in that were just stored. Call inside the transaction that stores them."""
        rows.insert(self._db, "outbox (record, until)", [(record, 0) for record in records])

    def take(self, most: int = 256) -> list[Unpublished]:
        """The next records to hand on, at most so many, oldest first; they are the caller's until IN_HAND_S later."""
        if not self._db.shared:
            with self._db.reading():
                query = "SELECT record FROM outbox WHERE record > ? ORDER BY record LIMIT ?"
                ids = [row[0] for row in self._db.execute(query, (self._taken, most)).fetchall()]
                found = self._records(ids)
            self._taken = max(ids, default=self._taken)
            return found
        now = time.time()
        with self._db.transaction():
            due = self._db.execute(
                "UPDATE outbox SET until = ? WHERE record IN (SELECT record FROM outbox WHERE until < ?"
                " ORDER BY record LIMIT ? FOR UPDATE SKIP LOCKED) RETURNING record",
                (now + IN_HAND_S, now, most),
            ).fetchall()
            return self._records(sorted(row[0] for row in due))

    def done(self, records: Iterable[int]) -> None:
        """The records with these ids were handed on."""
        with self._db.transaction():
            self._db.executemany("DELETE FROM outbox WHERE record = ?", [(record,) for record in records])

    def again(self) -> None:
        """What was taken and is not done is to be taken again, as after a connection has broken.

        Of a store that is shared that is so by itself after IN_HAND_S.
        """
        self._taken = 0

    def _records(self, ids: list[int]) -> list[Unpublished]:
        if not ids:
            return []
        marks = ", ".join("?" * len(ids))
        readings: dict[int, list[Reading]] = {each: [] for each in ids}
        for record, name, unit, kind, value, text, taken in self._db.execute(
            f"SELECT record, name, unit, kind, value, text, taken FROM readings WHERE record IN ({marks})"  # noqa: S608
            " ORDER BY record, position",
            ids,
        ).fetchall():
            readings[record].append(Reading(name, unit, value_of(kind, value, text), taken))
        query = f"SELECT {', '.join(_FIELDS)} FROM records WHERE id IN ({marks}) ORDER BY id"  # noqa: S608
        found = [dict(zip(_FIELDS, row, strict=True)) for row in self._db.execute(query, ids).fetchall()]
        for each in found:
            each["confirmed"] = bool(each["confirmed"])
        return [Unpublished(**each, readings=tuple(readings[each["id"]])) for each in found]


def value_of(kind: str, value: float | None, text: str | None) -> float | bool | str | None:
    """The value of a reading as the store keeps it."""
    if kind == "text":
        return text
    return bool(value) if kind == "bool" and value is not None else value
