"""Recorded measurements for the motes to feel: a CSV file, checked whole before anything starts."""

import csv
import datetime
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import IronmoteError

COLUMNS = ("time", "temperature_c", "humidity_pct", "light_lux")
# What the simulated parts can feel: the BME280's and the BH1750's own ranges.
_LIMITS = {"temperature_c": (-40.0, 85.0), "humidity_pct": (0.0, 100.0), "light_lux": (0.0, 54612.0)}
_MAX_ROWS = 1_000_000


class ReplayError(IronmoteError):
    """The file cannot be replayed; the text names the file, the line and the cure."""


@dataclass(frozen=True)
class Row:
    """One moment of the recording."""

    temperature_c: float
    humidity_pct: float
    light_lux: float


def load(path: Path) -> list[Row]:
    """All rows of the CSV file at `path`. Raises ReplayError on the first thing that is wrong with it."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(_rows(path, file))
    except OSError as error:
        raise ReplayError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ReplayError(f"{path} is not text in UTF-8; save it as CSV, UTF-8") from error
    if not rows:
        raise ReplayError(f"{path} has no rows below its header; add at least one measurement")
    return rows


def write(rows: list[Row], path: Path) -> None:
    """Write `rows` as the simulated board reads them: temperature, humidity and light, without a header."""
    with path.open("w", encoding="ascii", newline="\n") as file:
        for row in rows:
            file.write(f"{row.temperature_c!r},{row.humidity_pct!r},{row.light_lux!r}\n")


def _rows(path: Path, file: Iterator[str]) -> Iterator[Row]:
    reader = csv.reader(file, strict=True)
    earlier: datetime.datetime | None = None
    try:
        header = tuple(name.strip() for name in next(reader, []))
        if header != COLUMNS:
            raise ReplayError(f"{path}:1: the first line must be {','.join(COLUMNS)}")
        for count, fields in enumerate(reader):
            line = reader.line_num
            if not fields:
                continue
            if len(fields) != len(COLUMNS):
                raise ReplayError(f"{path}:{line}: {len(fields)} values where {len(COLUMNS)} belong; mend or remove it")
            if count >= _MAX_ROWS:
                raise ReplayError(f"{path}:{line}: more than {_MAX_ROWS:,} rows; cut the file into parts")
            moment = _moment(path, line, fields[0])
            if earlier is not None and (moment.tzinfo is None) == (earlier.tzinfo is None) and moment < earlier:
                raise ReplayError(f"{path}:{line}: {fields[0].strip()} is earlier than the line before; sort by time")
            earlier = moment
            yield Row(*(_number(path, line, name, text) for name, text in zip(COLUMNS[1:], fields[1:], strict=True)))
    except csv.Error as error:
        raise ReplayError(f"{path}:{reader.line_num}: not CSV ({error}); mend or remove this line") from error


def _moment(path: Path, line: int, text: str) -> datetime.datetime:
    try:
        return datetime.datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise ReplayError(f"{path}:{line}: time {text.strip()!r} is not like 2015-02-02T14:19:00") from error


def _number(path: Path, line: int, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ReplayError(f"{path}:{line}: {name} {text.strip()!r} is not a number; write it like 23.7")
    low, high = _LIMITS[name]
    if not low <= value <= high:
        raise ReplayError(f"{path}:{line}: {name} {value:g} is outside {low:g} to {high:g}, which the sensor can feel")
    return value
