"""Arguments whose errors are one line: what is wrong, and the nearest word that would be right."""

import argparse
import re
from collections.abc import Sequence
from typing import Any, ClassVar, NoReturn

from .errors import UsageError
from .nearest import nearest

_MISSING = "the following arguments are required: "


class Parser(argparse.ArgumentParser):
    """An ArgumentParser, and maker of such for subcommands, that raises UsageError where argparse prints and exits.

    Options are written in full: a shortened one that fits several would be shown with what was given to it.
    """

    def __init__(self, **fields: Any) -> None:
        super().__init__(**{"allow_abbrev": False} | fields)

    def parse(self, argv: Sequence[str] | None) -> argparse.Namespace:
        """The arguments in `argv`, or of this process. Raises UsageError; only --help and --version end it."""
        found, extra = self.parse_known_args(argv)
        if extra:
            parser: Parser = getattr(found, "parser", self)
            parser.error(parser.about_extra(extra[0]))
        return found

    def about_extra(self, word: str) -> str:
        """What is wrong with `word`, which is neither an option nor called for."""
        if not word.startswith("-"):
            return f"{word!r} is one word too many"
        name = word.partition("=")[0]
        return f"there is no option {name!r}{nearest(name, self._option_string_actions)}"

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        message = message.removeprefix("argument ")
        if message.startswith(_MISSING):
            message = f"{message.removeprefix(_MISSING)} is missing"
        about = self.prog.partition(" ")[2]
        help_is_needed = "" if message.endswith("?") else f"; {self.prog} --help lists what there is"
        raise UsageError(f"{about + ': ' if about else ''}{message}{help_is_needed}")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            words = [str(each) for each in action.choices]
            near = nearest(str(value), words) or f"; there are {', '.join(words)}"
            raise argparse.ArgumentError(action, f"no {str(value)!r}{near}")


class Duration:
    """The type of an argument: a time as people write it, 90, 90s, 10m, 2h, 1d; it is whole seconds, at most `most`."""

    _UNITS: ClassVar = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}

    def __init__(self, most: int) -> None:
        self._most = most

    def __call__(self, text: str) -> int:
        found = re.fullmatch(r"(\d{1,6})([smhd]?)", text)
        if found is None or not 1 <= (length := int(found[1]) * self._UNITS[found[2]]) <= self._most:
            days = self._most // self._UNITS["d"]
            raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 90s, 10m or 2h, of {days} days at most")
        return length


class Number:
    """The type of an argument: a number from `low` to `high`. A `whole` one is an int, else it is a float."""

    def __init__(self, low: float, high: float, whole: bool = False, shown: bool = True) -> None:
        """Where `shown` is False, what was given in its place is in no error: it may be a secret."""
        self._low = low
        self._high = high
        self._whole = whole
        self._shown = shown

    def __call__(self, text: str) -> float:
        try:
            value = int(text) if self._whole else float(text)
        except ValueError:
            value = float("nan")
        if not self._low <= value <= self._high:
            kind = "whole number" if self._whole else "number"
            what = repr(text) if self._shown else "that"
            raise argparse.ArgumentTypeError(f"{what} is not a {kind} from {self._low} to {self._high}")
        return value
