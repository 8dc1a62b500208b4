"""Both kinds of store for one test: a file, and a database of a PostgreSQL that runs for all tests of a process."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres_server import PostgresServer, a_postgres

_count = itertools.count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with a_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    if request.param == "sqlite":
        return tmp_path / "g.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_store(f"store{next(_count)}")
