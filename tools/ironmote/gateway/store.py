"""The gateway's memory in one SQLite file: what was verified, and what must never be taken or sent twice.

The window that a message moves and the record it carries are written in one transaction, and the broker hears of
it only after that is on disk. One process owns the file: a second one is refused.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

from mote.record import Reading
from mote.replay import Window

from ..errors import IronmoteError
from ..process_lock import ProcessLock
from .events import Value
from .trust import EpochTrust

MOST_LOST = 10_000  # a longer gap in a mote's numbers says nothing about what was lost
_REFUSALS_MOST = 100_000
_REFUSALS_MINUTES = 30 * 24 * 60
_LONGEST_LEAP = 2**20  # downlink numbers that a gateway can have used since the backup that it starts from
_BUSY_S = 5.0  # how long another process may hold the file before that is an error

_SCHEMA_VERSION = 4
_SCHEMA = """
CREATE TABLE motes (
    id TEXT PRIMARY KEY,
    downlink INTEGER NOT NULL DEFAULT 0,     -- the next sequence number of a command; only ever grows
    generation INTEGER NOT NULL DEFAULT 0,   -- of the root key under which it was heard last; older ones are refused
    revoked INTEGER NOT NULL DEFAULT 0,      -- root keys up to this generation are not believed
    confirmed INTEGER                        -- boot counter proven by a challenge since the gateway started
) WITHOUT ROWID;
CREATE TABLE epochs (
    mote TEXT NOT NULL, epoch BLOB NOT NULL, highest INTEGER NOT NULL, bits BLOB NOT NULL, will INTEGER NOT NULL,
    failed INTEGER NOT NULL,                 -- openings that failed under its keys
    PRIMARY KEY (mote, epoch)
) WITHOUT ROWID;
CREATE TABLE records (
    id INTEGER PRIMARY KEY,
    mote TEXT NOT NULL, generation INTEGER NOT NULL, boot INTEGER NOT NULL, number INTEGER NOT NULL,
    taken REAL, arrived REAL NOT NULL,       -- seconds since 1970; taken is NULL where the mote has no clock
    channel TEXT NOT NULL, epoch INTEGER, sequence INTEGER,
    confirmed INTEGER NOT NULL,              -- 0: sealed, and the mote had not yet answered a challenge
    UNIQUE (mote, generation, boot, number)
);
CREATE TABLE readings (
    record INTEGER NOT NULL REFERENCES records, name TEXT NOT NULL, unit TEXT, value, taken REAL,
    kind TEXT NOT NULL CHECK (kind IN ('number', 'bool', 'text'))
);
CREATE INDEX readings_of_record ON readings (record);
CREATE TABLE states (mote TEXT PRIMARY KEY, online INTEGER NOT NULL, generation INTEGER NOT NULL,
    boot INTEGER NOT NULL, connection INTEGER NOT NULL, arrived REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE boots (                         -- those of which a status came, or whose end a later one told
    mote TEXT NOT NULL, generation INTEGER NOT NULL, boot INTEGER NOT NULL,
    heard INTEGER,                           -- counts the boots of all motes in the order of their first status
    last INTEGER,                            -- number of the last record it is known to have had, from a later boot
    UNIQUE (mote, generation, boot)
);
CREATE TABLE missing (                       -- what may be missing after number `after` of `boot`, before boot `until`
    mote TEXT NOT NULL, generation INTEGER NOT NULL, boot INTEGER NOT NULL, after INTEGER NOT NULL,
    until INTEGER NOT NULL
);
CREATE TABLE refusals (                      -- minute: since 1970; mote: '' where it is none of ours
    minute INTEGER NOT NULL, zone TEXT NOT NULL, mote TEXT NOT NULL, why TEXT NOT NULL, alert INTEGER NOT NULL,
    times INTEGER NOT NULL,
    PRIMARY KEY (minute, zone, mote, why, alert)
) WITHOUT ROWID;
CREATE TABLE commands (
    id BLOB PRIMARY KEY, mote TEXT NOT NULL, name TEXT NOT NULL, value, made REAL NOT NULL, deadline REAL NOT NULL,
    result TEXT, state, why TEXT, answered REAL
) WITHOUT ROWID;
"""


# What SQLite says of a value, and not of its file.
_UNSTORABLE = (sqlite3.DataError, sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError)


class StoreError(IronmoteError):
    """The store cannot be opened or written."""


class Store:
    """One open file. All methods raise StoreError when the disk does not do its part; use from one thread."""

    def __init__(self, path: Path) -> None:
        """Open or create the store at `path`. Raises StoreError where another process has it."""
        self._path = path
        try:
            _make_private(path)
            self._lock = ProcessLock(path.with_name(path.name + ".lock"))
        except OSError as error:
            raise StoreError(f"{path} cannot be opened, or another gateway is using it: {error}") from error
        try:
            self._db = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            # FULL: the broker forgets a message when we acknowledge it, so it has to be on the disk by then.
            self._db.execute("PRAGMA synchronous = FULL")
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                self._db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {_SCHEMA_VERSION}; COMMIT;")
            elif version != _SCHEMA_VERSION:
                raise StoreError(f"{path} was written by another version of ironmote: move it away")
            # Whether this file is the newest state or yesterday's, nothing in it can tell.
            self._db.execute("UPDATE motes SET confirmed = NULL")
            # Whoever waited for these is gone, and what became of them cannot be known.
            self._db.execute(
                "UPDATE commands SET result = 'unknown', why = 'the gateway ended before an answer'"
                " WHERE result IS NULL"
            )
        except sqlite3.Error as error:
            raise StoreError(f"{path} cannot be used: {error}") from error

    def close(self) -> None:
        """Close the file and let others have it."""
        self._db.close()
        self._lock.release()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written inside reaches the disk together, or not at all. Raises StoreError."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # a full disk may have ended it
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise StoreError(f"{self._path} cannot be written: {error}") from error

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        """Raise StoreError where what is read inside cannot be."""
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(f"{self._path} cannot be read: {error}") from error

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[None]:
        """Inside a transaction: what is written inside is taken back where something raises, and all else stays.

        Raises StoreError where it is the file's fault; any other exception is about what was to be written.
        """
        self._db.execute("SAVEPOINT part")
        try:
            yield
        except Exception as error:
            if isinstance(error, sqlite3.Error) and not isinstance(error, _UNSTORABLE):
                raise StoreError(f"{self._path} cannot be written: {error}") from error
            self._db.execute("ROLLBACK TO part")
            self._db.execute("RELEASE part")
            raise
        self._db.execute("RELEASE part")

    def epochs(self, mote: str) -> list[EpochTrust]:
        """The epochs of a mote as they were last saved."""
        query = "SELECT epoch, highest, bits, will, failed FROM epochs WHERE mote = ?"
        with self._reading():
            rows = self._db.execute(query, (mote,)).fetchall()
        return [
            EpochTrust(epoch, Window(highest=highest, bits=int.from_bytes(bits, "big")), will, failed)
            for epoch, highest, bits, will, failed in rows
        ]

    def save_epochs(self, mote: str, epochs: list[EpochTrust]) -> None:
        """Replace the epochs of a mote."""
        self._db.execute("DELETE FROM epochs WHERE mote = ?", (mote,))
        self._db.executemany(
            "INSERT INTO epochs VALUES (?, ?, ?, ?, ?, ?)",
            [
                (mote, each.epoch, each.window.highest, each.window.bits.to_bytes(16, "big"), each.will, each.failed)
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
        confirmed: bool = True,
    ) -> bool:
        """Store a record and its readings; False where this identity is already there."""
        inserted = self._db.execute(
            "INSERT INTO records (mote, generation, boot, number, taken, arrived, channel, epoch, sequence, confirmed)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (mote, *identity, taken, arrived, channel, epoch, sequence, confirmed),
        )
        if inserted.rowcount == 0:
            return False
        self._db.executemany(
            "INSERT INTO readings (record, name, unit, value, taken, kind) VALUES (?, ?, ?, ?, ?, ?)",
            [(inserted.lastrowid, each.name, each.unit, each.value, each.time, _kind(each.value)) for each in readings],
        )
        return True

    def has(self, mote: str, identity: tuple[int, int, int], readings: tuple[Reading, ...]) -> bool:
        """True where the record that is there under this identity has these readings, whenever they were taken."""
        query = (
            "SELECT name, unit, value, kind FROM readings JOIN records ON record = records.id"
            " WHERE mote = ? AND generation = ? AND boot = ? AND number = ? ORDER BY readings.rowid"
        )
        there = self._db.execute(query, (mote, *identity)).fetchall()
        return there == [(each.name, each.unit, each.value, _kind(each.value)) for each in readings]

    def state(self, mote: str) -> tuple[int, int, int] | None:
        """Generation, boot and connection of the last state that was applied, or None."""
        query = "SELECT generation, boot, connection FROM states WHERE mote = ?"
        with self._reading():
            row = self._db.execute(query, (mote,)).fetchone()
        return None if row is None else (row[0], row[1], row[2])

    def save_state(self, mote: str, online: bool, when: tuple[int, int, int], arrived: float) -> None:
        """Remember the state that was applied last, of generation, boot and connection `when`."""
        self._db.execute("INSERT OR REPLACE INTO states VALUES (?, ?, ?, ?, ?, ?)", (mote, online, *when, arrived))

    def highest(self, mote: str, generation: int, boot: int) -> int:
        """The highest number of a record of this boot, 0 where there is none."""
        query = "SELECT MAX(number) FROM records WHERE mote = ? AND generation = ? AND boot = ?"
        number = self._db.execute(query, (mote, generation, boot)).fetchone()[0]
        return number or 0

    def latest_boot(self, mote: str) -> tuple[int, int] | None:
        """Generation and counter of the boot of which a status came first last, or None."""
        query = "SELECT generation, boot FROM boots WHERE mote = ? AND heard IS NOT NULL ORDER BY heard DESC LIMIT 1"
        with self._reading():
            row = self._db.execute(query, (mote,)).fetchone()
        return None if row is None else (row[0], row[1])

    def add_boot(self, mote: str, generation: int, boot: int) -> bool:
        """Remember that a status of this boot came; False where one had come before."""
        changed = self._db.execute(
            "INSERT INTO boots (mote, generation, boot, heard)"
            " VALUES (?, ?, ?, (SELECT COALESCE(MAX(heard), 0) + 1 FROM boots))"
            " ON CONFLICT DO UPDATE SET heard = excluded.heard WHERE heard IS NULL",
            (mote, generation, boot),
        )
        return changed.rowcount > 0

    def end_boot(self, mote: str, generation: int, boot: int, last: int) -> None:
        """Remember that a boot that is over had records up to number `last`, if not more."""
        self._db.execute(
            "INSERT INTO boots (mote, generation, boot, last) VALUES (?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET last = excluded.last WHERE last IS NULL OR last < excluded.last",
            (mote, generation, boot, last),
        )

    def add_missing(self, mote: str, generation: int, boot: int, after: int, until: int) -> None:
        """Remember that records may be missing after number `after` of `boot`, until boot `until` began."""
        self._db.execute("INSERT INTO missing VALUES (?, ?, ?, ?, ?)", (mote, generation, boot, after, until))

    def missing(self) -> list[tuple[str, int, int, int]]:
        """Mote, boot, after which number and until which boot records may be missing, oldest first."""
        with self._reading():
            rows = self._db.execute("SELECT mote, boot, after, until FROM missing ORDER BY rowid").fetchall()
        return [(mote, boot, after, until) for mote, boot, after, until in rows]

    def add_refusals(self, rows: Mapping[tuple[int, str, str, str, bool], int]) -> None:
        """Count refused messages by (minute since 1970, zone, mote or "", why, alert)."""
        self._db.executemany(
            "INSERT INTO refusals VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (minute, zone, mote, why, alert) DO UPDATE SET times = times + excluded.times",
            [(*row, times) for row, times in rows.items()],
        )

    def prune_refusals(self, minute: int) -> None:
        """Forget those of more than 30 days before `minute`, and the oldest where there are more than 100,000 rows."""
        self._db.execute("DELETE FROM refusals WHERE minute < ?", (minute - _REFUSALS_MINUTES,))
        self._db.execute(
            "DELETE FROM refusals WHERE minute <= (SELECT minute FROM refusals ORDER BY minute DESC LIMIT 1 OFFSET ?)",
            (_REFUSALS_MOST,),
        )

    def next_downlink(self, mote: str) -> int:
        """Take a sequence number for a command to `mote`. It is on disk, used up, when this returns."""
        with self.transaction():
            row = self._db.execute(
                "INSERT INTO motes (id, downlink) VALUES (?, 1)"
                " ON CONFLICT (id) DO UPDATE SET downlink = downlink + 1 RETURNING downlink - 1",
                (mote,),
            ).fetchone()
        return int(row[0])

    def raise_downlink(self, mote: str, above: int) -> bool:
        """Go on above sequence number `above`, which the mote says it has verified.

        False where that is so already, or where it is a leap that no backup explains: a mote gone bad would spend the
        numbers of its commands with one word.
        """
        row = self._db.execute("SELECT downlink FROM motes WHERE id = ?", (mote,)).fetchone()
        now = 0 if row is None else row[0]
        if not now <= above < now + _LONGEST_LEAP:
            return False
        self._db.execute(
            "INSERT INTO motes (id, downlink) VALUES (?, ?)"
            " ON CONFLICT (id) DO UPDATE SET downlink = excluded.downlink",
            (mote, above + 1),
        )
        return True

    def standing(self, mote: str) -> tuple[int, int]:
        """Of which generation a mote was heard last, and up to which it is revoked; 0 where neither was."""
        with self._reading():
            row = self._db.execute("SELECT generation, revoked FROM motes WHERE id = ?", (mote,)).fetchone()
        return (0, 0) if row is None else (row[0], row[1])

    def set_generation(self, mote: str, generation: int) -> None:
        """Remember that `mote` was heard under a root key of `generation`."""
        self._set(mote, "generation", generation)

    def set_revoked(self, mote: str, generation: int) -> None:
        """Remember that root keys of `mote` up to `generation` are not believed."""
        self._set(mote, "revoked", generation)

    def confirmed(self, mote: str) -> bool:
        """True where `mote` has answered a challenge since the store was opened."""
        with self._reading():
            row = self._db.execute("SELECT confirmed FROM motes WHERE id = ?", (mote,)).fetchone()
        return row is not None and row[0] is not None

    def set_confirmed(self, mote: str, boot: int) -> None:
        """Remember that `mote` has answered a challenge in `boot`; forgotten when the store is opened again."""
        self._set(mote, "confirmed", boot)

    def _set(self, mote: str, column: str, value: int) -> None:
        self._db.execute(
            f"INSERT INTO motes (id, {column}) VALUES (?, ?)"  # noqa: S608  column is one of three words above
            f" ON CONFLICT (id) DO UPDATE SET {column} = excluded.{column}",
            (mote, value),
        )

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
        """For each mote that was heard, how many of its records have a number but never came.

        Also what is missing from the end of a boot, where the mote has said how many there were. Gaps of more than
        MOST_LOST do not count: one record with a wrong number would make millions of them.
        """
        query = (
            "SELECT mote, SUM(CASE WHEN gap BETWEEN 0 AND ? THEN gap ELSE 0 END) FROM ("
            "SELECT mote, number - 1 - LAG(number, 1, 0)"
            " OVER (PARTITION BY mote, generation, boot ORDER BY number) AS gap FROM records UNION ALL "
            "SELECT mote, last - COALESCE((SELECT MAX(number) FROM records AS each WHERE each.mote = boots.mote"
            " AND each.generation = boots.generation AND each.boot = boots.boot), 0) AS gap"
            " FROM boots WHERE last IS NOT NULL) GROUP BY mote"
        )
        with self._reading():
            rows = self._db.execute(query, (MOST_LOST,)).fetchall()
        return {mote: int(missing) for mote, missing in rows}


def _make_private(path: Path) -> None:
    """Make sure that `path` is there and for nobody but its owner; SQLite gives its other files the same mode."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    path.chmod(0o600)


def _kind(value: Value) -> str:
    if isinstance(value, bool):
        return "bool"
    return "text" if isinstance(value, str) else "number"
