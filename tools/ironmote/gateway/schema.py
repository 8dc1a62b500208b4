"""The store's schema: which version it has, and bringing it up to the newest. Alembic does the steps (`migrations`).

Alembic and SQLAlchemy are loaded where there is a step to make, which is once in the life of a store and then where
ironmote is updated: whatever is up to date is opened without them.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

HEAD = "0003"
_MIGRATIONS = Path(__file__).with_name("migrations")
_BEFORE_ALEMBIC = 4  # user_version of stores whose schema is that of revision 0001
_WITH_ALEMBIC = 5  # of all since: what ironmote wrote before refuses them
_FOREIGN = "was written by another version of ironmote: move it away"


class SchemaError(Exception):
    """The schema is none that this version knows; the text goes after the store's name."""


def bring_up_sqlite(path: Path, db: sqlite3.Connection) -> None:
    """Make the file at `path`, open as `db` and in no transaction, one of schema HEAD. Raises SchemaError.

    A step is made whole or not at all. What sqlite3 raises goes through.
    """
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version not in (0, _BEFORE_ALEMBIC, _WITH_ALEMBIC):
        raise SchemaError(_FOREIGN)
    if version == _WITH_ALEMBIC and sqlite_revision(db) == HEAD:
        return
    try:
        _upgrade(_sqlite_engine(path), "0001" if version == _BEFORE_ALEMBIC else None)
    except sqlite3.Error:
        raise
    except Exception as error:
        if isinstance(getattr(error, "orig", None), sqlite3.Error):
            raise error.orig from error  # type: ignore[attr-defined]
        raise


def sqlite_revision(db: sqlite3.Connection) -> str | None:
    """The revision of a file's schema, or None where there is none."""
    if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone() is None:
        return None
    row = db.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])


def bring_up_postgres(connect: Callable[[], Any], revision: str | None) -> None:
    """Make a PostgreSQL that has `revision` one of schema HEAD; `connect` gives connections of psycopg's.

    Raises SchemaError, and what psycopg raises as SQLAlchemy wraps it.
    """
    if revision == HEAD:
        return
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    _upgrade(create_engine("postgresql+psycopg://", creator=connect, poolclass=NullPool), None)


def _sqlite_engine(path: Path) -> "Engine":
    from sqlalchemy import create_engine, event
    from sqlalchemy.pool import NullPool

    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(path, isolation_level=None), poolclass=NullPool)
    # Python's sqlite3 begins no transaction before DDL by itself: half a schema would be left by a crash.
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _upgrade(engine: "Engine", stamp: str | None) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            if stamp is not None:
                command.stamp(config, stamp)
            command.upgrade(config, "head")
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql(f"PRAGMA user_version = {_WITH_ALEMBIC}")
    except CommandError as error:
        raise SchemaError(_FOREIGN) from error
    finally:
        engine.dispose()
