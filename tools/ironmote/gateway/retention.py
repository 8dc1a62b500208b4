"""Old records are removed, a few at a time, and yet none of them is ever taken again.

A mote may send a record anew long after (it waited in flash, and its acknowledgement was lost), and gaps in the numbers
say what was lost. So of what is removed the numbers stay, as ranges (`pruned`): one for a boot, as a rule, however many
records it had. The rest of a mote's state (windows, epochs, boots, what is missing) is small, and stays.
"""

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterable

from .database import Database, StoreError

_DAY_S = 86_400
_STEP = 500  # records that are removed in one transaction: some milliseconds
_PAUSE_S = 0.2
_REST_S = 3600.0  # once all that is old has gone
# A controller's command that is delivered again is known by its id for as long as it would be obeyed.
_COMMANDS = "mote = ? AND made < ? AND deadline < ? AND result IS NOT NULL"


class Retention:
    """For the gateway's worker. `begin(mote)` is called first in each transaction, where others share the store."""

    def __init__(self, db: Database, keep_days: int, begin: Callable[[str], object] = lambda mote: None) -> None:
        self._db = db
        self._keep_s = keep_days * _DAY_S
        self._begin = begin
        self._motes: list[str] = []
        self._next = 0.0  # monotonic seconds

    def turn(self) -> None:
        """Remove some of what is old, where it is time to. What the disk does not do now is done later."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _PAUSE_S
        with contextlib.suppress(StoreError):
            if not self._motes:
                self._motes = self._heard()
            while self._motes:
                if self.step(self._motes[-1], time.time() - self._keep_s):
                    return
                self._motes.pop()
        self._next = time.monotonic() + _REST_S

    def step(self, mote: str, before: float) -> bool:
        """Remove some of what came from `mote` before then, in seconds since 1970; False where there is nothing."""
        if not self._is_old(mote, before):
            return False
        with self._db.transaction():
            self._begin(mote)
            rows = self._db.execute(
                "SELECT id, generation, boot, number FROM records WHERE mote = ? AND arrived < ?"
                " ORDER BY arrived LIMIT ?",
                (mote, before, _STEP),
            ).fetchall()
            boots: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
            for _, generation, boot, number in rows:
                boots[generation, boot].append(number)
            for (generation, boot), numbers in boots.items():
                self._remember(mote, generation, boot, numbers)
            ids = [(row[0],) for row in rows]
            for table, column in (("readings", "record"), ("outbox", "record"), ("records", "id")):
                self._db.executemany(f"DELETE FROM {table} WHERE {column} = ?", ids)  # noqa: S608
            self._db.execute(
                "DELETE FROM statuses WHERE id IN (SELECT id FROM statuses WHERE mote = ? AND arrived < ? LIMIT ?)",
                (mote, before, _STEP),
            )
            self._db.execute(
                f"DELETE FROM commands WHERE id IN (SELECT id FROM commands WHERE {_COMMANDS} LIMIT ?)",  # noqa: S608
                (mote, before, before, _STEP),
            )
        return True

    def _heard(self) -> list[str]:
        with self._db.reading():
            rows = self._db.execute("SELECT id FROM motes UNION SELECT mote FROM states").fetchall()
        return [row[0] for row in rows]

    def _is_old(self, mote: str, before: float) -> bool:
        queries = (
            ("SELECT 1 FROM records WHERE mote = ? AND arrived < ? LIMIT 1", (mote, before)),
            ("SELECT 1 FROM statuses WHERE mote = ? AND arrived < ? LIMIT 1", (mote, before)),
            (f"SELECT 1 FROM commands WHERE {_COMMANDS} LIMIT 1", (mote, before, before)),  # noqa: S608
        )
        with self._db.reading():
            return any(self._db.execute(*each).fetchone() is not None for each in queries)

    def _remember(self, mote: str, generation: int, boot: int, numbers: list[int]) -> None:
        """Keep the numbers of one boot, together with the ranges that they touch."""
        near = (mote, generation, boot, max(numbers) + 1, min(numbers) - 1)
        where = " FROM pruned WHERE mote = ? AND generation = ? AND boot = ? AND first <= ? AND last >= ?"
        known = self._db.execute("SELECT first, last" + where, near).fetchall()
        self._db.execute("DELETE" + where, near)
        self._db.executemany(
            "INSERT INTO pruned (mote, generation, boot, first, last) VALUES (?, ?, ?, ?, ?)",
            [(mote, generation, boot, *each) for each in joined([*known, *((number, number) for number in numbers)])],
        )


def joined(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same numbers in as few ranges as there can be, in order; of each the first and the last number."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found
