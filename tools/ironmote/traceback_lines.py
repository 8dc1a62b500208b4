"""Tracebacks from a board with the lines of source that they name, where those are here."""

import re
from pathlib import Path

from . import tree

_FRAME = re.compile(r'^\s*File "/?(?:lib/)?([\w./]+)", line (\d+)')
_MAIN = ("boot.py", "main.py")


def source(line: str) -> str | None:
    """The source that a line of a traceback is about, without its indentation; None where there is none.

    Line numbers are in the files of boards with room for them; elsewhere every line is line 1, which says nothing.
    """
    found = _FRAME.match(line)
    if found is None:
        return None
    name, number = found[1], int(found[2])
    path = _path(name)
    if path is None or (number == 1 and name not in _MAIN):
        return None
    lines = path.read_text(encoding="utf-8").splitlines()
    return lines[number - 1].strip() if number <= len(lines) else None


def _path(name: str) -> Path | None:
    here = tree.find()
    if name in _MAIN:
        return here.boot if name == "boot.py" else here.main
    path = here.mote.parent / name
    inside = path.resolve().is_relative_to(here.mote.resolve())
    return path if inside and path.is_file() else None
