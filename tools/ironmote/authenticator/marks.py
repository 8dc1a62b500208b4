"""The highest counter that was accepted for each mote, in one SQLite file that several authenticators share.

A counter is compared and stored in one transaction, and is on the disk before anyone is told that it was good: of any
number of processes that see the same token exactly one accepts it, and none does after a crash.
"""

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import IronmoteError

_SCHEMA_VERSION = 1
# Counters have 64 bits and SQLite's integers 63: eight bytes, big-endian, have the same order.
_SCHEMA = """
CREATE TABLE marks (
    zone TEXT NOT NULL, mote TEXT NOT NULL,
    key BLOB NOT NULL,                           -- which connect key: an id made from it, not the key
    counter BLOB NOT NULL CHECK (length(counter) = 8),
    PRIMARY KEY (zone, mote, key)
) WITHOUT ROWID;
"""
_BUSY_S = 1.0  # less than a broker waits for its answer


class MarksError(IronmoteError):
    """The file cannot be opened, read or written: nobody can be let in."""


class Marks:
    """One open file; use from any thread. The file system must be local (WAL does not work over a network)."""

    def __init__(self, path: Path, create: bool = False) -> None:
        """Open the file. Raises MarksError, also where there is none and `create` is false.

        A file that has gone missing must not be replaced in silence: with it goes the memory of every used token.
        """
        self._path = path
        self._lock = threading.Lock()
        try:
            if create:  # its owner's alone; what SQLite puts beside it has the same mode
                os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._db = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=rw",
                uri=True,
                timeout=_BUSY_S,
                isolation_level=None,
                check_same_thread=False,
            )
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            with self._transaction():  # two that start at once make one schema
                version = self._db.execute("PRAGMA user_version").fetchone()[0]
                if version == 0 and create:
                    self._db.execute(_SCHEMA)
                    self._db.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
                elif version != _SCHEMA_VERSION:
                    raise MarksError(f"{path} is not a file of marks that this version of ironmote wrote")
        except (sqlite3.Error, OSError) as error:
            raise MarksError(f"{path} cannot be used: {error}") from error

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def advance(self, zone: str, mote: str, key: bytes, others: Sequence[bytes], counter: int) -> bool:
        """Store `counter` as the highest under `key` where it is; it is on the disk when this returns True.

        False where it is not greater than the highest under `key` or under one of the `others` of the mote: a token
        of either key that was held back is worth nothing once a later one of the other was used. Raises
        MarksError where the file does not do its part; then the answer is no.
        """
        value = counter.to_bytes(8, "big")
        keys = [key, *others]
        places = ", ".join("?" * len(keys))
        try:
            with self._lock, self._transaction():
                row = self._db.execute(
                    f"SELECT MAX(counter) FROM marks WHERE zone = ? AND mote = ? AND key IN ({places})",  # noqa: S608 - question marks only
                    (zone, mote, *keys),
                ).fetchone()
                if row[0] is not None and value <= row[0]:
                    return False
                self._db.execute("INSERT OR REPLACE INTO marks VALUES (?, ?, ?, ?)", (zone, mote, key, value))
        except (sqlite3.Error, OSError) as error:
            raise MarksError(f"{self._path} cannot be written: {error}") from error
        return True

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        # IMMEDIATE: the lock is taken before the comparison, so that nobody writes between it and the change.
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
