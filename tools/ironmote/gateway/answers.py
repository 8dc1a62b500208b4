"""Answers of motes that came to another gateway than the one that asked, where several share a store."""

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass

from mote.command import EXPIRED, Answer, decode_answer_cbor, encode_answer_cbor

from .database import Database

_MOST_WAITING = 64  # of one mote: as many as commands wait for it. All are read again and again
_UNFETCHED_S = 120  # after which whoever would come for an answer is gone


@dataclass(frozen=True, slots=True)
class Forwarded:
    """An answer that another gateway has verified, in message `sequence` of `boot` where it was sealed."""

    id: int
    mote: str
    answer: Answer
    boot: int | None
    sequence: int | None


class Answers:
    """Those in one store. All methods raise StoreError."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, mote: str, answer: Answer, boot: int | None, sequence: int | None, arrived: float) -> None:
        """Inside a transaction: keep an answer that another waits for, verified in message `sequence` of `boot`.

        A mote may answer what nobody asked, without end: of what waits already no more is kept.
        """
        query = "SELECT COUNT(*) FROM (SELECT 1 FROM answers WHERE mote = ? LIMIT ?) AS waiting"
        if self._db.execute(query, (mote, _MOST_WAITING)).fetchone()[0] < _MOST_WAITING:
            self._db.execute(
                "INSERT INTO answers (command, mote, answer, boot, sequence, arrived) VALUES (?, ?, ?, ?, ?, ?)",
                (answer.id, mote, encode_answer_cbor(answer), boot, sequence, time.time()),
            )
        if answer.result != EXPIRED and not isinstance(answer.value, bytes):
            # Whoever asked says it again; but it may be gone.
            self._db.execute(
                "UPDATE commands SET result = ?, state = ?, why = ?, answered = ?"
                " WHERE id = ? AND mote = ? AND result IS NULL",
                (answer.result, json.dumps(answer.value), answer.why, arrived, answer.id, mote),
            )

    def all(self) -> list[Forwarded]:
        """The answers that wait for the gateway that asked."""
        query = "SELECT id, mote, answer, boot, sequence FROM answers ORDER BY id"
        with self._db.reading():
            rows = self._db.execute(query).fetchall()
        return [
            Forwarded(each, mote, decode_answer_cbor(bytes(answer)), boot, sequence)
            for each, mote, answer, boot, sequence in rows
        ]

    def remove(self, forwarded: Forwarded) -> None:
        """Inside a transaction: an answer has reached who waited for it."""
        self._db.execute("DELETE FROM answers WHERE id = ?", (forwarded.id,))

    def overtaken(self, commands: Iterable[bytes]) -> list[bytes]:
        """Those of `commands` after which something else was asked of the same actuator."""
        query = (
            "SELECT 1 FROM commands AS old JOIN commands AS later ON later.mote = old.mote"
            " AND later.name = old.name AND later.made > old.made WHERE old.id = ? LIMIT 1"
        )
        with self._db.reading():
            return [each for each in commands if self._db.execute(query, (each,)).fetchone() is not None]

    def sweep(self, now: float) -> None:
        """Forget answers that nobody fetched, and end the commands of gateways that are gone."""
        with self._db.transaction():
            self._db.execute("DELETE FROM answers WHERE arrived < ?", (now - _UNFETCHED_S,))
            self._db.execute(
                "UPDATE commands SET result = 'unknown', state = 'null', why = 'the gateway ended before an answer'"
                " WHERE result IS NULL AND deadline < ?",
                (now - _UNFETCHED_S,),
            )
