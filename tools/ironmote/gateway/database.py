"""What the store is kept in: one SQLite file, or a PostgreSQL that several gateways share.

The store speaks one SQL to both: `?` for a parameter, `ON CONFLICT`, `RETURNING`, columns that both have. What differs
between them is here and in `postgres`.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from ..errors import IronmoteError
from ..process_lock import ProcessLock
from .schema import SchemaError, bring_up_sqlite

_SIZES = (64, 16, 4, 1)  # rows of a statement
_BUSY_S = 5.0  # how long another process may hold the file before that is an error
_SCHEMES = ("postgresql://", "postgres://")

# What SQLite says of a value, and not of its file.
_UNSTORABLE = (sqlite3.DataError, sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError)


class StoreError(IronmoteError):
    """The store cannot be opened or written."""


class Cursor(Protocol):
    """What a statement gave, as in DB-API 2.0 (PEP 249)."""

    @property
    def rowcount(self) -> int:
        """How many rows were changed."""

    def fetchone(self) -> Any:
        """The next row, or None."""

    def fetchall(self) -> list[Any]:
        """All rows that are left."""


class Database(Protocol):
    """One open database. For one thread. What it raises inside of `transaction` and `reading` is StoreError."""

    shared: bool  # other gateways may write to it at the same time
    alone: bool  # no other gateway had it open when this one opened it

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Cursor:
        """Run one statement."""

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]], /) -> object:
        """Run one statement for each row."""

    def insert_rows(self, into: str, rows: Sequence[Sequence[Any]], then: str, /) -> list[Any]:
        """Insert rows, at least one, into a table with its columns; gives what `then` returns, where it ends so."""

    def transaction(self) -> contextlib.AbstractContextManager[None]:
        """All that is written inside reaches the disk together, or not at all. Raises StoreError."""

    def savepoint(self) -> contextlib.AbstractContextManager[None]:
        """Inside a transaction: what is written inside is taken back where something raises, and all else stays.

        Raises StoreError where it is the database's fault; any other exception is about what was to be written.
        """

    def reading(self) -> contextlib.AbstractContextManager[None]:
        """Raise StoreError where what is read inside cannot be."""

    def close(self) -> None:
        """Let others have it."""


def is_url(where: Path | str) -> bool:
    """True where `where` names a PostgreSQL and no file."""
    return isinstance(where, str) and where.startswith(_SCHEMES)


def open_database(where: Path | str) -> Database:
    """Open, or create, the store at a path or a `postgresql://` URL, for writing. Raises StoreError."""
    if not is_url(where):
        return SqliteDatabase(Path(where))
    from .postgres import PostgresDatabase  # what a fleet with one file never loads

    return PostgresDatabase(str(where))


def open_beside(where: Path | str, read_only: bool = False) -> Database:
    """Another connection to a store that a gateway has made: for another thread of it, or only to read.

    Raises StoreError.
    """
    if not is_url(where):
        return SqliteBeside(Path(where), read_only)
    from .postgres import PostgresDatabase

    return PostgresDatabase(str(where), read_only, present=False)


class SqliteDatabase:
    """One file, and one process that has it."""

    shared = False
    alone = True

    def __init__(self, path: Path) -> None:
        """Open or create the file at `path`. Raises StoreError where another process has it."""
        self._path = path
        try:
            _make_private(path)
            self._lock = ProcessLock(path.with_name(path.name + ".lock"))
        except TimeoutError as error:
            raise StoreError(f"{path} is another gateway's, which runs; end that one first") from error
        except OSError as error:
            raise StoreError(f"{path} cannot be opened: {error.strerror or error}") from error
        try:
            self._db = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            # FULL: the broker forgets a message when we acknowledge it, so it has to be on the disk by then.
            self._db.execute("PRAGMA synchronous = FULL")
            bring_up_sqlite(path, self._db)
        except SchemaError as error:
            self._lock.release()
            raise StoreError(f"{path} {error}") from error
        except sqlite3.Error as error:
            self._lock.release()
            raise StoreError(f"{path} cannot be used: {error}") from error
        self.execute = self._db.execute
        self.executemany = self._db.executemany

    def insert_rows(self, into: str, rows: Sequence[Sequence[Any]], then: str) -> list[Any]:
        """See Database."""
        found: list[Any] = []
        for part in parts(rows):
            values = [value for row in part for value in row]
            cursor = self._db.execute(_statement(into, len(part), len(part[0]), then), values)
            if "RETURNING" in then:
                found += cursor.fetchall()
        return found

    def close(self) -> None:
        """Close the file and let others have it."""
        self._db.close()
        self._lock.release()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """See Database."""
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
    def reading(self) -> Iterator[None]:
        """See Database."""
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(f"{self._path} cannot be read: {error}") from error

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[None]:
        """See Database."""
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


class SqliteBeside(SqliteDatabase):
    """The same file, for what may be lost in a power cut: who holds the lock has brought up the schema."""

    def __init__(self, path: Path, read_only: bool) -> None:
        """Open the file at `path`. Raises StoreError."""
        self._path = path
        uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}"
        try:
            self._db = sqlite3.connect(uri, uri=True, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA synchronous = NORMAL")
        except sqlite3.Error as error:
            raise StoreError(f"{path} cannot be used: {error}") from error
        self.execute = self._db.execute
        self.executemany = self._db.executemany

    def close(self) -> None:
        """Close this connection; the lock is another's."""
        self._db.close()


def parts(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """`rows` in parts of few sizes, so that each form of a statement is prepared once."""
    at = 0
    while at < len(rows):
        size = next(each for each in _SIZES if each <= len(rows) - at)
        yield rows[at : at + size]
        at += size


@lru_cache
def _statement(into: str, count: int, width: int, then: str) -> str:
    row = f"({', '.join('?' * width)})"
    return f"INSERT INTO {into} VALUES {', '.join([row] * count)} {then}"  # noqa: S608  texts of this package


def _make_private(path: Path) -> None:
    """Make sure that `path` is there and for nobody but its owner; SQLite gives its other files the same mode."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    path.chmod(0o600)
