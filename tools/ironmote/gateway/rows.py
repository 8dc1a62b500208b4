"""Many rows in few statements: a statement costs more than the row in it, and in PostgreSQL a way there and back."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from .database import Database

_SIZES = (64, 16, 4, 1)  # rows of a statement: so few forms that each is prepared once


def insert(db: Database, into: str, rows: Sequence[Sequence[Any]], then: str = "") -> list[Any]:
    """Insert `rows` `into` a table with its columns, in order; gives what `then` returns, where it ends so."""
    found: list[Any] = []
    for part in _parts(rows):
        values = [value for row in part for value in row]
        cursor = db.execute(_statement(into, len(part), len(part[0]), then), values)
        if "RETURNING" in then:
            found += cursor.fetchall()
    return found


def select(db: Database, query: str, keys: Sequence[Any], *more: Any) -> list[Any]:
    """What `query` gives for `keys`, which take the place of its `{}`; `more` are its parameters behind them."""
    found: list[Any] = []
    for part in _parts(keys):
        found += db.execute(query.format(", ".join("?" * len(part))), [*part, *more]).fetchall()
    return found


def _parts(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    at = 0
    while at < len(rows):
        size = next(each for each in _SIZES if each <= len(rows) - at)
        yield rows[at : at + size]
        at += size


@lru_cache
def _statement(into: str, count: int, width: int, then: str) -> str:
    row = f"({', '.join('?' * width)})"
    return f"INSERT INTO {into} VALUES {', '.join([row] * count)} {then}"  # noqa: S608  texts of this package
