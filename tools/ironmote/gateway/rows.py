"""Many rows in few statements: a statement costs more than the row in it, and in PostgreSQL a way there and back."""

from collections.abc import Sequence
from typing import Any

from .database import Database, parts


def insert(db: Database, into: str, rows: Sequence[Sequence[Any]], then: str = "") -> list[Any]:
    """Insert `rows` `into` a table with its columns, in order; gives what `then` returns, where it ends so."""
    return db.insert_rows(into, rows, then) if rows else []


def select(db: Database, query: str, keys: Sequence[Any], *more: Any) -> list[Any]:
    """What `query` gives for `keys`, which take the place of its `{}`; `more` are its parameters behind them."""
    found: list[Any] = []
    for part in parts(keys):
        found += db.execute(query.format(", ".join("?" * len(part))), [*part, *more]).fetchall()
    return found
