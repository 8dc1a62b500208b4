"""ironmote listen: what the fleet says, as the gateway verified it."""

import argparse
import json
from collections.abc import Callable
from typing import Any

from .. import fleet_arguments
from ..arguments import Number
from . import Command

_SETTLE_S = 0.1  # after which the last record is whole


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("motes", nargs="*", metavar="MOTE", help="which motes (default: all)")
    parser.add_argument(
        "--for",
        dest="seconds",
        type=Number(1, 30 * 86_400),
        metavar="SECONDS",
        help="end after this time, else at Ctrl-C",
    )
    parser.add_argument("--table", action="store_true", help="a table that moves, with what happened below it")
    fleet_arguments.options(parser)


def _run(arguments: argparse.Namespace) -> int:
    import contextlib
    import queue
    import sys
    import time

    from .. import interrupts
    from ..errors import IronmoteError, UsageError
    from ..gateway.owner_line import GONE, OwnerLine
    from ..live_table import LiveTable
    from ..plain import plain

    folder, wanted = fleet_arguments.folder(arguments), set(arguments.motes)
    for name in arguments.motes:
        if not folder.has(name):
            raise folder.unknown(name)
    if arguments.table and (arguments.json or not sys.stdout.isatty()):
        raise UsageError("--table is for a terminal, and not together with --json")
    owner = OwnerLine(folder.paths.line)
    lines: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    end = owner.follow(lines.put)
    try:
        known = [mote for mote in owner.overview() if not wanted or mote["id"] in wanted]
        with contextlib.ExitStack() as stack:
            if arguments.table:
                show: Callable[[dict[str, Any] | None], None] = stack.enter_context(LiveTable(known)).take
            elif arguments.json:
                show = _print_json
            else:
                there = f"{sum(mote['online'] for mote in known)} of {len(known)} motes online"
                print(plain(f"{folder.file.name}: {there}; Ctrl-C ends it"), file=sys.stderr, flush=True)
                show = _Lines(max((len(mote["id"]) for mote in known), default=0)).take
            until = None if arguments.seconds is None else time.monotonic() + arguments.seconds
            while until is None or time.monotonic() < until:
                interrupts.check()
                line = None
                with contextlib.suppress(queue.Empty):
                    line = lines.get(timeout=_SETTLE_S)
                if line is not None and line["event"] == GONE:
                    raise IronmoteError(f"{line['why']}; ironmote gateway starts it")
                if line is None or not wanted or line.get("mote") in wanted:
                    show(line)
    finally:
        end()
    return 0


def _print_json(line: dict[str, Any] | None) -> None:
    if line is not None:
        print(json.dumps(line), flush=True)


class _Lines:
    """Prints a line a record, and a line for all else."""

    def __init__(self, width: int) -> None:
        from rich.console import Console

        from ..line_words import LineWords

        self._words = LineWords(width)
        self._console = Console(highlight=False)

    def take(self, line: dict[str, Any] | None) -> None:
        """Show a line; where none came, the last record is whole."""
        for text in self._words.rest() if line is None else self._words.of(line):
            self._console.print(text, soft_wrap=True)


COMMAND = Command(
    "listen",
    "show what the fleet says as it comes, verified: readings, states, switches, refusals, alerts",
    (
        ("ironmote listen", "all motes, until Ctrl-C; a gateway has to run"),
        ("ironmote listen cellar kitchen", "these alone"),
        ("ironmote listen --table", "a table that moves"),
        ("ironmote listen --for 60 --json", "a minute, for a script: a line for each thing that happens"),
    ),
    _options,
    _run,
)
