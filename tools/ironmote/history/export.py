"""The history as a file that other programs read: CSV, or Parquet, which is smaller and keeps the types.

A row is one reading. Nothing is held in memory but a few thousand of them, and the file has its name once it is whole.
"""

import csv
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from ..errors import IronmoteError, MissingTool, UsageError
from .reader import History

COLUMNS = ("time", "mote", "name", "value", "text", "unit", "arrived", "channel", "confirmed", "record")
_GROUP = 65_536  # rows of Parquet that are written together

# What a spreadsheet would take for a formula and run (CWE-1236); the wide letters are those of East Asian keyboards.
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")

Row = tuple[datetime | None, str, str, float | None, str | None, str | None, datetime, str, bool, str]


class _Writer(Protocol):
    def write(self, rows: list[Row]) -> None: ...

    def close(self) -> None: ...


def check_name(path: Path) -> str:
    """What the name of a file says that it is to be: ".csv" or ".parquet". Raises UsageError."""
    kind = path.suffix.lower()
    if kind not in _KINDS:
        raise UsageError(f"{path.name} would be neither: name it .csv or .parquet")
    return kind


def export(
    history: History,
    path: Path,
    mote: str | None,
    since: float,
    step: Callable[[int, int], None] = lambda at, end: None,
) -> int:
    """Write what arrived since then, of one mote or of all, to `path`; gives the number of readings.

    `step` is told how far it is, of how far it goes. Raises IronmoteError; then a file that was there is as it was.
    """
    kind = _KINDS[check_name(path)]
    new = path.with_name(f".{path.name}.new")
    count, end = 0, history.newest_record()
    try:
        with closing(kind(new)) as writer:
            for found in history.rows(mote, since):
                writer.write([_row(each) for each in found])
                count += len(found)
                step(min(found[-1][0], end), end)
        new.replace(path)
    except OSError as error:
        raise IronmoteError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        new.unlink(missing_ok=True)
    return count


def _row(found: Iterable[Any]) -> Row:
    _, mote, generation, boot, number, at, arrived, channel, confirmed, name, unit, _, value, text = found
    identity = f"{generation}.{boot}.{number}"
    came = datetime.fromtimestamp(round(arrived, 3), UTC)
    return _time(at), mote, name, value, text, unit, came, channel, bool(confirmed), identity


def _time(seconds: float) -> datetime | None:
    """None for what no calendar has: a mote says what time it likes, and must not keep the others' from being read."""
    try:
        return datetime.fromtimestamp(round(seconds, 3), UTC)
    except (ValueError, OverflowError, OSError):
        return None


class _Csv:
    """RFC 4180; times as in RFC 3339, in UTC. A text that looks like a formula has an apostrophe before it."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", newline="", encoding="utf-8")
        self._csv = csv.writer(self._file)
        self._csv.writerow(COLUMNS)

    def write(self, rows: list[Row]) -> None:
        for row in rows:
            self._csv.writerow([_cell(each) for each in row])

    def close(self) -> None:
        self._file.close()


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return _rfc3339(value)
    return f"'{value}" if isinstance(value, str) and value.lstrip().startswith(_FORMULA) else value


def _rfc3339(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _Parquet:
    def __init__(self, path: Path) -> None:
        try:
            import pyarrow
            from pyarrow import parquet
        except ImportError as error:
            raise MissingTool("Parquet needs pyarrow: pip install pyarrow, or export to .csv") from error
        word = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())  # few different ones, said again and again
        time = pyarrow.timestamp("ms", tz="UTC")
        types = (time, word, word, pyarrow.float64(), pyarrow.string(), word, time, word, pyarrow.bool_())
        self._schema = pyarrow.schema(list(zip(COLUMNS, (*types, pyarrow.string()), strict=True)))
        self._batch = pyarrow.record_batch
        self._rows: list[Row] = []
        self._file = parquet.ParquetWriter(path, self._schema, compression="zstd")

    def write(self, rows: list[Row]) -> None:
        self._rows += rows
        if len(self._rows) >= _GROUP:
            self._flush()

    def close(self) -> None:
        try:
            if self._rows:
                self._flush()
        finally:
            self._file.close()

    def _flush(self) -> None:
        columns = [list(column) for column in zip(*self._rows, strict=True)]
        self._rows.clear()
        self._file.write_batch(self._batch(columns, schema=self._schema))


_KINDS: dict[str, Callable[[Path], _Writer]] = {".csv": _Csv, ".parquet": _Parquet}
