"""The store in a PostgreSQL that several gateways share, through psycopg 3. Everything of PostgreSQL's own is here.

Who writes holds the rows of its motes (`lock`), so READ COMMITTED is enough. A connection that breaks is made again by
the next transaction; what was in it is gone, and the gateway takes that up as it does a full disk.
"""

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from ..errors import MissingTool
from .database import StoreError
from .schema import HEAD, SchemaError, bring_up_postgres

try:
    import psycopg
    from psycopg.conninfo import make_conninfo
except ImportError as error:
    raise MissingTool("a PostgreSQL needs psycopg: pip install 'psycopg[binary]'") from error

_CONNECT_S = 10
_LOCK_S = 20  # how long another gateway may have a mote's row, before that is an error and tried again
_IDLE_S = 60  # a gateway that hangs inside a transaction loses it, and with it the rows that it holds
# Both are names that nothing else in this database should use; the first is held, shared, by each gateway that runs.
_PRESENCE, _SCHEMA = 0x69726F6E, 0x69726F6F
_OPTIONS = {
    "connect_timeout": str(_CONNECT_S),
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": str(_LOCK_S * 1000),
    "application_name": "ironmote",
}
_SESSION = (
    "SET jit = off",  # compiling takes longer than any statement of ours
    "SET synchronous_commit = on",  # the broker forgets a message when we acknowledge it
    f"SET lock_timeout = '{_LOCK_S}s'",
    f"SET idle_in_transaction_session_timeout = '{_IDLE_S}s'",
)
# An array is of one type, and Python's numbers of a column are of several.
_AS: dict[str, Callable[[Any], Any]] = {"double precision": float, "bigint": int}
_UNSTORABLE = (psycopg.DataError, psycopg.IntegrityError, psycopg.NotSupportedError, psycopg.ProgrammingError)
_PASSWORD = re.compile(r"(password\s*=\s*)('[^']*'|\S+)", re.IGNORECASE)


def shown(url: str) -> str:
    """The URL for a message: without user, password and options."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "the PostgreSQL of the settings"
    return f"postgresql://{parts.netloc.rpartition('@')[2]}{parts.path}"


class PostgresDatabase:
    """One connection to a PostgreSQL by URL (libpq's: a service, ~/.pgpass and PG* variables are good, too)."""

    shared = True

    def __init__(self, url: str, read_only: bool = False, present: bool = True) -> None:
        """Connect, and make the schema the newest where it is to be written. Raises StoreError.

        A gateway is `present` by one of its connections, which tells whether it is alone.
        """
        self._url, self._name, self._read_only, self._present = url, shown(url), read_only, present
        self._queries: dict[str, str] = {}
        self._inserts: dict[tuple[str, str], str] = {}
        self._columns: dict[str, list[str]] = {}
        self._parted = False
        self.alone = False
        self._db = self._connect()
        try:
            if read_only:
                if self._revision() != HEAD:
                    raise StoreError(f"{self._name} has no store of this version of ironmote; start the gateway once")
            else:
                self._bring_up()
        except BaseException:
            self._db.close()
            raise

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> psycopg.Cursor[Any]:
        """See Database."""
        return self._db.execute(self._query(sql), parameters)

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """See Database."""
        with self._db.cursor() as cursor:
            cursor.executemany(self._query(sql), rows)

    def insert_rows(self, into: str, rows: Sequence[Sequence[Any]], then: str) -> list[Any]:
        """See Database. A column is one array: the same statement for any number of rows, and few parameters."""
        types = self._types(into)
        query = self._inserts.get((into, then))
        if query is None:
            arrays = ", ".join(f"%s::{each}[]" for each in types)
            query = f"INSERT INTO {into} SELECT * FROM UNNEST({arrays}) {then}"  # noqa: S608  texts of this package
            self._inserts[into, then] = query
        columns = [
            [None if value is None else _AS[kind](value) for value in column] if kind in _AS else list(column)
            for kind, column in zip(types, zip(*rows, strict=True), strict=True)
        ]
        cursor = self._db.execute(query, columns)
        return cursor.fetchall() if "RETURNING" in then else []

    def _types(self, into: str) -> list[str]:
        """The types of the columns of "table (column, column)"."""
        found = self._columns.get(into)
        if found is None:
            table, _, names = into.partition(" ")
            query = (
                "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
                " WHERE attrelid = %s::regclass AND attnum > 0"
            )
            kinds = dict(self._db.execute(query, (table,)).fetchall())
            found = self._columns[into] = [kinds[name.strip()] for name in names.strip(" ()").split(",")]
        return found

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """See Database."""
        try:
            if self._db.closed or self._db.broken:
                self._db = self._connect()
            self._parted = False
            with self._db.transaction():
                yield
        except psycopg.Error as error:
            raise StoreError(f"{self._name} cannot be written: {_words(error)}") from error
        finally:
            self._parted = False  # one inside of another has taken its savepoints with it

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[None]:
        """See Database."""
        # The one before is released with this one: a way to the server and back less.
        self._say("RELEASE part; SAVEPOINT part" if self._parted else "SAVEPOINT part")
        self._parted = True
        try:
            yield
        except Exception as error:
            if isinstance(error, psycopg.Error) and not isinstance(error, _UNSTORABLE):
                raise StoreError(f"{self._name} cannot be written: {_words(error)}") from error
            self._say("ROLLBACK TO part")
            raise

    def _say(self, words: str) -> None:
        try:
            self._db.execute(words)
        except psycopg.Error as error:
            raise StoreError(f"{self._name} cannot be written: {_words(error)}") from error

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """See Database."""
        try:
            if self._db.closed or self._db.broken:
                self._db = self._connect()
            yield
        except psycopg.Error as error:
            raise StoreError(f"{self._name} cannot be read: {_words(error)}") from error

    def close(self) -> None:
        """Leave."""
        self._db.close()

    def _query(self, sql: str) -> str:
        query = self._queries.get(sql)
        if query is None:
            query = self._queries[sql] = sql.replace("?", "%s")
        return query

    def _connect(self) -> psycopg.Connection[Any]:
        try:
            db = _open(self._url)
            db.autocommit = True
            for statement in _SESSION:
                db.execute(statement)
            if self._read_only:
                db.execute("SET default_transaction_read_only = on")
                db.execute("SET random_page_cost = 1.1")  # else it reads all readings for the few of one mote
            elif self._present:
                self._say_present(db)
        except psycopg.Error as error:
            raise StoreError(f"{self._name} cannot be opened: {_words(error)}") from error
        return db

    def _say_present(self, db: psycopg.Connection[Any]) -> None:
        """Hold the lock that says that a gateway runs, and see whether another does; it is gone with the connection."""
        row = db.execute("SELECT pg_try_advisory_lock(%s)", (_PRESENCE,)).fetchone()
        self.alone = bool(row and row[0])
        db.execute("SELECT pg_advisory_lock_shared(%s)", (_PRESENCE,))
        if self.alone:
            db.execute("SELECT pg_advisory_unlock(%s)", (_PRESENCE,))

    def _revision(self) -> str | None:
        row = self._db.execute("SELECT to_regclass('alembic_version')").fetchone()
        if row is None or row[0] is None:
            return None
        row = self._db.execute("SELECT version_num FROM alembic_version").fetchone()
        return None if row is None else str(row[0])

    def _bring_up(self) -> None:
        try:
            self._db.execute("SET lock_timeout = 0")
            self._db.execute("SELECT pg_advisory_lock(%s)", (_SCHEMA,))  # of two that start at once one waits
            try:
                bring_up_postgres(lambda: _open(self._url), self._revision())
            finally:
                self._db.execute("SELECT pg_advisory_unlock(%s)", (_SCHEMA,))
                self._db.execute(f"SET lock_timeout = '{_LOCK_S}s'")
        except SchemaError as error:
            raise StoreError(f"{self._name} {error}") from error
        except Exception as error:
            raise StoreError(f"{self._name} cannot be used: {_words(error)}") from error


def _open(url: str) -> psycopg.Connection[Any]:
    conninfo = _conninfo(url)
    if conninfo is None:
        raise psycopg.OperationalError("its URL is not one, such as postgresql://user@host/database")
    return psycopg.connect(conninfo)


def _conninfo(url: str) -> str | None:
    """What libpq reads; None where it cannot: its error would quote all of the URL."""
    try:
        return make_conninfo(url, **_OPTIONS)
    except psycopg.Error:
        return None


def _words(error: BaseException) -> str:
    """What went wrong, in one line and without what a connection string may hold."""
    return _PASSWORD.sub(r"\1…", " ".join(str(error).split()))[:300]
