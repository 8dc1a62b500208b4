"""TOML text, and the line of each thing in it.

`tomllib` gives no positions. But TOML is read line by line and never looks ahead, so the first lines of a text that
parse are what the text says up to there: the line of a table or value is found by parsing beginnings of the text.
"""

import functools
import re
import tomllib
from collections.abc import Sequence
from typing import Any

LONGEST_BYTES = 65_536

# From the outermost: names of tables, and numbers from 0 in arrays.
Path = Sequence[str | int]


class TomlError(ValueError):
    """The text is not TOML; `line` is where, from 1, and the words say why."""

    def __init__(self, line: int, words: str) -> None:
        super().__init__(words)
        self.line = line


class Lines:
    """The text in `data`; `table` is what it says. Raises TomlError."""

    def __init__(self, data: bytes) -> None:
        if len(data) > LONGEST_BYTES:
            raise TomlError(1, f"more than {LONGEST_BYTES} bytes")
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            raise TomlError(data.count(b"\n", 0, error.start) + 1, "not UTF-8") from error
        self._lines = text.split("\n")
        try:
            self.table: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise _told(error, len(self._lines)) from error
        except RecursionError as error:
            raise TomlError(1, "nested too deeply") from error
        except ValueError as error:  # of int(), which does not read thousands of digits
            raise TomlError(1, "a number that is too long") from error
        # Texts of this size are parsed in milliseconds, and searches ask for the same beginnings.
        self._begins = functools.lru_cache(maxsize=64)(self._begin)

    def line(self, path: Path) -> int:
        """The line, from 1, on which what is at `path` begins; where that is not there, what it would be in."""
        return max((self._first(path[:length]) for length in range(len(path) + 1)), default=1)

    def _first(self, path: Path) -> int:
        """The line on which `path` begins, or 1 where it is not there."""
        if not path or not _holds(self.table, path):
            return 1
        low, high = 0, len(self._lines)  # the first `low` lines do not hold it, the first `high` do
        while high - low > 1:
            middle = (low + high) // 2
            whole = middle
            while (table := self._begins(whole)) is None:  # ends in the middle of a value
                whole += 1
            if _holds(table, path):
                high = middle
            else:
                low = whole
        # A value of several lines is whole on its last: it begins where what comes before it ends.
        return low + 1

    def _begin(self, count: int) -> dict[str, Any] | None:
        """What the first `count` lines say; None where they end in the middle of something."""
        if count >= len(self._lines):
            return self.table
        try:
            return tomllib.loads("\n".join(self._lines[:count]) + "\n")
        except tomllib.TOMLDecodeError:
            return None


def _holds(table: Any, path: Path) -> bool:
    for key in path:
        if isinstance(key, int):
            if not isinstance(table, list) or key >= len(table):
                return False
        elif not isinstance(table, dict) or key not in table:
            return False
        table = table[key]
    return True


def _told(error: tomllib.TOMLDecodeError, lines: int) -> TomlError:
    """What tomllib says, without the position that it puts behind its words."""
    words, line = str(error), lines
    found = re.fullmatch(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", words, re.DOTALL)
    if found:
        words = found[1]
        line = int(found[2]) if found[2] else lines
    hint = "; a text stands in quotes" if words == "Invalid value" else ""
    return TomlError(line, words[:1].lower() + words[1:] + hint)
