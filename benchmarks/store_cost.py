"""What the store costs: records in batches, in a file and in a PostgreSQL, and how long its history takes to read.

python benchmarks/store_cost.py
"""

import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psycopg
from ironmote.gateway.store import Store
from ironmote.gateway.stored_records import NewRecord
from ironmote.history import History
from mote.record import Reading
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parent.parent / "host_tests"))  # a PostgreSQL as the tests start it

from postgres_server import a_postgres

_BATCH, _BATCHES, _MOTES = 100, 600, 10
_EVERY_S = 10.0  # between two records of a mote
_WEEK_S = 7 * 86_400.0
_ROUNDS = 3


def fill(store: Store, end: float) -> tuple[float, float]:
    """Microseconds a record by the clock, and of this process, in the best batch."""
    best, cpu = float("inf"), float("inf")
    count = 0
    names = [f"bed-{number}" for number in range(_MOTES)]
    begin = end - _BATCH * _BATCHES / _MOTES * _EVERY_S
    for _ in range(_BATCHES):
        new = []
        for _ in range(_BATCH):
            count += 1
            at = begin + count // _MOTES * _EVERY_S
            readings = (
                Reading("temperature", "Cel", 20 + count % 97 / 10, at),
                Reading("light", "lx", count % 900, at),
            )
            identity = (1, 1, count // _MOTES + 1)
            new.append(NewRecord(names[count % _MOTES], identity, at, at + 1, "sealed", count // _MOTES, 1, readings))
        wall, spent = time.perf_counter(), time.process_time()
        with store.transaction():
            store.lock(names)
            with store.savepoint():
                store.records.add(new)
            if store.shared:
                store.touch(names)
        best = min(best, time.perf_counter() - wall)
        cpu = min(cpu, time.process_time() - spent)
    return best / _BATCH * 1e6, cpu / _BATCH * 1e6


def milliseconds(read: Callable[[], object]) -> float:
    """Of the fastest of three."""
    taken = []
    for _ in range(_ROUNDS):
        begun = time.perf_counter()
        read()
        taken.append(time.perf_counter() - begun)
    return min(taken) * 1e3


def main() -> None:
    """Print the table."""
    table = Table("", "SQLite", "PostgreSQL", title=f"{_BATCH * _BATCHES:,} records of two values, {_MOTES} motes")
    columns: list[list[float]] = []
    with tempfile.TemporaryDirectory() as folder, a_postgres() as postgres:
        places: list[Path | str] = [Path(folder) / "store.db", postgres.new_database("bench")]
        for place in places:
            end = time.time()
            store = Store(place)
            column = list(fill(store, end))
            store.close()
            if place == places[1]:
                with psycopg.connect(str(place)) as db:
                    db.execute("ANALYZE")  # as the server does by itself within a minute
            with History(place) as history:
                for length in (3600.0, 86_400.0, _WEEK_S):
                    column.append(
                        milliseconds(partial(history.buckets, "bed-3", "temperature", end - length, end, 360))
                    )
                column.append(milliseconds(partial(history.latest, "bed-3")))
            columns.append(column)
    rows = ("a record, µs", "of that this process, µs", "chart of an hour, ms", "of a day, ms", "of a week, ms")
    for name, *values in zip((*rows, "last values, ms"), *columns, strict=True):
        table.add_row(name, *(f"{value:,.1f}" for value in values))
    Console(width=100).print(table)


main()
