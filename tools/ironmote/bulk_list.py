"""The list of motes that are made in bulk: a CSV file with the columns id, board and file, the last two as needed."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from . import boards, mote_file
from .errors import IronmoteError
from .fleet import check_id
from .nearest import nearest
from .plain import plain

_COLUMNS = ("id", "board", "file")
_LONGEST_BYTES = 1_000_000
_TOLD = 10  # of what is wrong


@dataclass(frozen=True)
class Row:
    """One mote: `text` is what its file shall be where it has none yet, None for what a new mote of `board` gets."""

    id: str
    board: str
    text: str | None


def read(path: Path) -> list[Row]:
    """The rows of the list at `path`, whose files are found from its folder.

    Raises IronmoteError with all that is wrong, a line each, the first ten; OSError where it cannot be read.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_LONGEST_BYTES + 1)
        if len(data) > _LONGEST_BYTES:
            raise IronmoteError(f"{path}: more than {_LONGEST_BYTES} bytes are no list of motes")
        table = csv.DictReader(io.StringIO(data.decode("utf-8-sig")), restval="", strict=True)
        lines = [(table.line_num, row) for row in table]
        columns = [name.strip() for name in table.fieldnames or ()]
    except UnicodeDecodeError:
        raise IronmoteError(f"{path}: it is not UTF-8") from None
    except csv.Error as error:
        raise IronmoteError(f"{path}: it is no CSV: {error}") from None
    for name in columns:
        if name not in _COLUMNS:
            raise IronmoteError(f"{path}:1: there is no column {plain(name)!r}{nearest(name, _COLUMNS)}")
    if "id" not in columns or not lines:
        raise IronmoteError(f"{path}:1: the first line is id,board or id,board,file; then a line for each mote")
    rows: dict[str, Row] = {}
    wrong = []
    for number, cells in lines:
        try:
            row = _row({str(name).strip(): str(cell).strip() for name, cell in cells.items() if name}, path.parent)
            if None in cells:
                raise IronmoteError("it has more cells than the first line")
            if row.id in rows:
                raise IronmoteError(f"{row.id} is there twice")
            rows[row.id] = row
        except (IronmoteError, OSError) as error:
            wrong.append(f"{path}:{number}: {error}")
    if wrong:
        raise IronmoteError("\n".join(wrong[:_TOLD]))
    return list(rows.values())


def _row(cells: dict[str, str], folder: Path) -> Row:
    mote_id, board, name = check_id(cells["id"]), cells.get("board", ""), cells.get("file", "")
    if not name:
        if not board:
            raise IronmoteError(f"{mote_id} needs a board or a file")
        return Row(mote_id, boards.load(board).name, None)
    found = mote_file.load(folder / name)
    if board and board != found.board:
        raise IronmoteError(f"{mote_id} is of the board {board}, and {name} of {found.board}")
    return Row(mote_id, found.board, (folder / name).read_text(encoding="utf-8"))
