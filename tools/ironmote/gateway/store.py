"""The gateway's memory in one SQLite file: what was verified, and what must never be taken or sent twice.

The window that a message moves and the record it carries are written in one transaction, and the broker hears of
it only after that is on disk. One process owns the file: a second one is refused.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from mote.record import Reading
from mote.replay import Window

from ..errors import IronmoteError
from .events import Value
from .trust import EpochTrust

_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE motes (
    id TEXT PRIMARY KEY,
    downlink INTEGER NOT NULL DEFAULT 0      -- the next sequence number of a command; only ever grows
) WITHOUT ROWID;
CREATE TABLE epochs (
    mote TEXT NOT NULL, epoch BLOB NOT NULL, highest INTEGER NOT NULL, bits BLOB NOT NULL, will INTEGER NOT NULL,
    PRIMARY KEY (mote, epoch)
) WITHOUT ROWID;
CREATE TABLE records (
    id INTEGER PRIMARY KEY,
    mote TEXT NOT NULL, generation INTEGER NOT NULL, boot INTEGER NOT NULL, number INTEGER NOT NULL,
    taken REAL, arrived REAL NOT NULL,       -- seconds since 1970; taken is NULL where the mote has no clock
    channel TEXT NOT NULL, epoch INTEGER, sequence INTEGER,
    UNIQUE (mote, generation, boot, number)
);
CREATE TABLE readings (
    record INTEGER NOT NULL REFERENCES records, name TEXT NOT NULL, unit TEXT, value, taken REAL,
    kind TEXT NOT NULL CHECK (kind IN ('number', 'bool', 'text'))
);
CREATE INDEX readings_of_record ON readings (record);
CREATE TABLE states (mote TEXT PRIMARY KEY, online INTEGER NOT NULL, boot INTEGER NOT NULL,
    connection INTEGER NOT NULL, arrived REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE refusals (arrived REAL NOT NULL, zone TEXT NOT NULL, mote TEXT, why TEXT NOT NULL, alert INTEGER NOT NULL);
CREATE TABLE commands (
    id BLOB PRIMARY KEY, mote TEXT NOT NULL, name TEXT NOT NULL, value, made REAL NOT NULL, deadline REAL NOT NULL,
    result TEXT, state, why TEXT, answered REAL
) WITHOUT ROWID;
"""


class StoreError(IronmoteError):
    """The store cannot be opened or written."""


class Store:
    """One open file. All methods raise StoreError when the disk does not do its part; use from one thread."""

    def __init__(self, path: Path) -> None:
        """Open or create the store at `path`. Raises StoreError where another process has it."""
        self._path = path
        try:
            # A transaction that stays open for as long as we live is a lock that no crash can leave behind.
            self._lock = sqlite3.connect(
                path.with_name(path.name + ".lock"), timeout=0, isolation_level=None, check_same_thread=False
            )
            self._lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            raise StoreError(f"{path} cannot be opened, or another gateway is using it: {error}") from error
        try:
            self._db = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            # FULL: the broker forgets a message when we acknowledge it, so it has to be on the disk by then.
            self._db.execute("PRAGMA synchronous = FULL")
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                self._db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {_SCHEMA_VERSION}; COMMIT;")
            elif version != _SCHEMA_VERSION:
                raise StoreError(f"{path} was written by another version of ironmote")
        except sqlite3.Error as error:
            raise StoreError(f"{path} cannot be used: {error}") from error

    def close(self) -> None:
        """Close the file and let others have it."""
        self._db.close()
        self._lock.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written inside reaches the disk together, or not at all. Raises StoreError."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise StoreError(f"{self._path} cannot be written: {error}") from error

    def epochs(self, mote: str) -> list[EpochTrust]:
        """The epochs of a mote as they were last saved."""
        rows = self._db.execute("SELECT epoch, highest, bits, will FROM epochs WHERE mote = ?", (mote,))
        return [
            EpochTrust(epoch, Window(highest=highest, bits=int.from_bytes(bits, "big")), will)
            for epoch, highest, bits, will in rows
        ]

    def save_epochs(self, mote: str, epochs: list[EpochTrust]) -> None:
        """Replace the epochs of a mote."""
        self._db.execute("DELETE FROM epochs WHERE mote = ?", (mote,))
        self._db.executemany(
            "INSERT INTO epochs VALUES (?, ?, ?, ?, ?)",
            [
                (mote, each.epoch, each.window.highest, each.window.bits.to_bytes(16, "big"), each.will)
                for each in epochs
            ],
        )

    def add_record(
        self,
        mote: str,
        identity: tuple[int, int, int],
        taken: float | None,
        arrived: float,
        channel: str,
        sequence: int | None,
        epoch: int | None,
        readings: tuple[Reading, ...],
    ) -> bool:
        """Store a record and its readings; False where this identity is already there."""
        inserted = self._db.execute(
            "INSERT INTO records (mote, generation, boot, number, taken, arrived, channel, epoch, sequence)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (mote, *identity, taken, arrived, channel, epoch, sequence),
        )
        if inserted.rowcount == 0:
            return False
        self._db.executemany(
            "INSERT INTO readings (record, name, unit, value, taken, kind) VALUES (?, ?, ?, ?, ?, ?)",
            [(inserted.lastrowid, each.name, each.unit, each.value, each.time, _kind(each.value)) for each in readings],
        )
        return True

    def state(self, mote: str) -> tuple[int, int] | None:
        """Boot and connection of the last state that was applied, or None."""
        row = self._db.execute("SELECT boot, connection FROM states WHERE mote = ?", (mote,)).fetchone()
        return None if row is None else (row[0], row[1])

    def save_state(self, mote: str, online: bool, boot: int, connection: int, arrived: float) -> None:
        """Remember the state that was applied last."""
        self._db.execute(
            "INSERT OR REPLACE INTO states VALUES (?, ?, ?, ?, ?)", (mote, online, boot, connection, arrived)
        )

    def add_refusal(self, arrived: float, zone: str, mote: str | None, why: str, alert: bool) -> None:
        """Remember that a message was refused."""
        self._db.execute("INSERT INTO refusals VALUES (?, ?, ?, ?, ?)", (arrived, zone, mote, why, alert))

    def next_downlink(self, mote: str) -> int:
        """Take a sequence number for a command to `mote`. It is on disk, used up, when this returns."""
        with self.transaction():
            row = self._db.execute(
                "INSERT INTO motes (id, downlink) VALUES (?, 1)"
                " ON CONFLICT (id) DO UPDATE SET downlink = downlink + 1 RETURNING downlink - 1",
                (mote,),
            ).fetchone()
        return int(row[0])

    def add_command(self, command_id: bytes, mote: str, name: str, value: Value, made: float, deadline: float) -> None:
        """Remember a command before it is sent."""
        with self.transaction():
            self._db.execute(
                "INSERT INTO commands (id, mote, name, value, made, deadline) VALUES (?, ?, ?, ?, ?, ?)",
                (command_id, mote, name, value, made, deadline),
            )

    def end_command(self, command_id: bytes, result: str, state: Value, why: str | None, answered: float) -> None:
        """Remember how a command ended."""
        with self.transaction():
            self._db.execute(
                "UPDATE commands SET result = ?, state = ?, why = ?, answered = ? WHERE id = ?",
                (result, state, why, answered, command_id),
            )

    def lost(self) -> dict[str, int]:
        """For each mote that was heard, how many of its records have a number but never came."""
        rows = self._db.execute(
            "SELECT mote, SUM(missing) FROM (SELECT mote, MAX(number) - COUNT(*) AS missing"
            " FROM records GROUP BY mote, generation, boot) GROUP BY mote"
        )
        return {mote: int(missing) for mote, missing in rows}


def _kind(value: Value) -> str:
    if isinstance(value, bool):
        return "bool"
    return "text" if isinstance(value, str) else "number"
