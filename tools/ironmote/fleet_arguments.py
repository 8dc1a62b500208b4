"""What the verbs of a fleet share: which folder, which passphrase, whether to ask, and how to print."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import passphrase
from .errors import IronmoteError, UsageError
from .plain import plain

if TYPE_CHECKING:
    from .fleet_folder import Folder

_UNBOUNDED = 1_000  # columns of what is not a terminal


def options(parser: argparse.ArgumentParser, unlocks: bool = False) -> None:
    """Add --fleet and --json; where the verb needs keys, those for the passphrase too."""
    parser.add_argument(
        "--fleet", type=Path, metavar="DIR", help="the fleet's folder (default: the nearest upward from here)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    if unlocks:
        passphrase.options(parser)


def yes_option(parser: argparse.ArgumentParser) -> None:
    """Add --yes."""
    parser.add_argument("--yes", action="store_true", help="do not ask whether it is meant")


def folder(arguments: argparse.Namespace) -> "Folder":
    """The fleet that the arguments name, else the nearest. Raises IronmoteError."""
    from .fleet_folder import Folder  # cryptography comes with it: not for --help

    return Folder.open(arguments.fleet) if arguments.fleet is not None else Folder.find()


def asker(arguments: argparse.Namespace) -> Callable[[], str]:
    """What gives the passphrase of the key store when it is called."""
    return lambda: passphrase.source(arguments).ask("the key store")


def confirm(question: str, yes: bool) -> None:
    """Ask on the terminal whether it is meant, unless `yes`. Raises IronmoteError where it is not."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{question} There is no terminal to ask at; say --yes")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise IronmoteError("nothing was done")


def print_json(value: Any) -> None:
    """Print `value` as JSON, in ASCII."""
    print(json.dumps(value, indent=1))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: as wide as the terminal, or, where there is none, as its words. None of them moves the cursor.

    Columns that have no names get no line for them.
    """
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    named = (Column(name, overflow="fold") for name in columns)  # nothing is cut off, however narrow it is
    table = Table(*named, box=None, pad_edge=False, header_style="bold", show_header=any(columns))
    for row in rows:
        table.add_row(*(Text(plain(word)) for word in row))
    terminal = sys.stdout.isatty()
    console = Console(width=None if terminal else _UNBOUNDED)
    with console.capture() as capture:
        console.print(table, no_wrap=not terminal)
    print("\n".join(line.rstrip() for line in capture.get().splitlines()))
