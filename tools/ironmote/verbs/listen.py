"""ironmote listen: what the fleet says, as the gateway verified it."""

import argparse

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
    fleet_arguments.options(parser)


def _run(arguments: argparse.Namespace) -> int:
    import contextlib
    import json
    import queue
    import sys
    import time

    from rich.console import Console

    from .. import interrupts
    from ..errors import IronmoteError
    from ..gateway.owner_line import GONE, OwnerLine
    from ..line_words import LineWords
    from ..plain import plain

    folder, wanted = fleet_arguments.folder(arguments), set(arguments.motes)
    for name in arguments.motes:
        if not folder.has(name):
            raise folder.unknown(name)
    owner = OwnerLine(folder.paths.line)
    lines: queue.SimpleQueue[dict[str, object]] = queue.SimpleQueue()
    end = owner.follow(lines.put)
    try:
        known = [mote for mote in owner.overview() if not wanted or mote["id"] in wanted]
        words = LineWords(max((len(mote["id"]) for mote in known), default=0))
        console = Console(highlight=False)
        if not arguments.json:
            there = f"{sum(mote['online'] for mote in known)} of {len(known)} motes online"
            print(plain(f"{folder.file.name}: {there}; Ctrl-C ends it"), file=sys.stderr, flush=True)
        until = None if arguments.seconds is None else time.monotonic() + arguments.seconds
        while until is None or time.monotonic() < until:
            interrupts.check()
            line = None
            with contextlib.suppress(queue.Empty):
                line = lines.get(timeout=_SETTLE_S)
            if line is not None and line["event"] == GONE:
                raise IronmoteError(f"{line['why']}; ironmote gateway starts it")
            if line is not None and wanted and line.get("mote") not in wanted:
                continue
            if arguments.json:
                if line is not None:
                    print(json.dumps(line), flush=True)
                continue
            for text in words.rest() if line is None else words.of(line):
                console.print(text, soft_wrap=True)
    finally:
        end()
    return 0


COMMAND = Command(
    "listen",
    "show what the fleet says as it comes, verified: readings, states, switches, refusals, alerts",
    (
        ("ironmote listen", "all motes, until Ctrl-C; a gateway has to run"),
        ("ironmote listen cellar kitchen", "these alone"),
        ("ironmote listen --for 60 --json", "a minute, for a script: a line for each thing that happens"),
    ),
    _options,
    _run,
)
