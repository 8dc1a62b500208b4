"""What became of each mote that is made in bulk: a CSV file that is whole at every moment, and says where to go on."""

import csv
import io
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from . import durable
from .errors import IronmoteError

WAITS, DONE, FAILED = "waits", "done", "failed"


@dataclass
class Line:
    """One mote. `state` is "waits", "done" or "failed"; the rest is known once it was tried.

    `at` is when it was done or failed, in seconds since 1970, `seconds` how long that took, `error` what went wrong.
    """

    id: str
    board: str
    state: str = WAITS
    generation: int = 0
    channel: str = ""
    port: str = ""
    at: int = 0
    seconds: float = 0.0
    error: str = ""


_NAMES = [each.name for each in fields(Line)]


def read(path: Path) -> dict[str, Line]:
    """The lines in the file at `path`, by mote; none where there is no file. Raises IronmoteError."""
    try:
        table = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")), strict=True)
        lines: list[dict[str, Any]] = list(table)
        if table.fieldnames != _NAMES:
            raise ValueError
        found = [
            Line(**row | {"generation": int(row["generation"]), "at": int(row["at"]), "seconds": float(row["seconds"])})
            for row in lines
        ]
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, KeyError, csv.Error):
        raise IronmoteError(
            f"{path} is no report of this command; move it away, or name another with --report"
        ) from None
    return {each.id: each for each in found}


def write(path: Path, lines: list[Line]) -> None:
    """Replace the file at `path`."""
    text = io.StringIO()
    table = csv.DictWriter(text, _NAMES, lineterminator="\n")
    table.writeheader()
    table.writerows(map(asdict, lines))
    durable.replace(path, text.getvalue(), durable.PUBLIC)
