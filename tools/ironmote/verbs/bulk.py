"""ironmote bulk: many motes, from a list, onto boards that are plugged in one after another."""

import argparse
from pathlib import Path

from .. import fleet_arguments
from . import Command


def _options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "list", type=Path, metavar="FILE.csv", help="the motes: a first line id,board or id,board,file, then one a line"
    )
    add(
        "--port",
        dest="ports",
        action="append",
        metavar="PORT",
        help="a serial port with a board, again for each; ends with the last (default: each board that is plugged in)",
    )
    add("--report", type=Path, metavar="FILE", help="where it is noted what is done (default: FILE.report.csv)")
    fleet_arguments.options(parser, unlocks=True)


def _run(arguments: argparse.Namespace) -> int:
    import sys
    from dataclasses import asdict

    from .. import board_ports, bulk_list
    from ..bulk import Bulk
    from ..bulk_report import DONE, Line
    from ..progress import Progress

    folder = fleet_arguments.folder(arguments)
    rows = bulk_list.read(arguments.list)
    report = arguments.report or arguments.list.with_suffix(".report.csv")

    with folder.unlock(fleet_arguments.asker(arguments)) as held, Progress(len(rows)) as progress:
        made = Bulk(held, rows, report)

        def wait(line: Line) -> None:
            progress.overall(len(rows) - len(made.waiting))
            progress.phase(f"{line.id}: " + ("next" if arguments.ports else f"plug in its board ({line.board})"))

        try:
            made.provision(arguments.ports or board_ports.plugged(), wait, progress)
        except KeyboardInterrupt:
            left = len(made.waiting)
            print(f"{len(rows) - left} of {len(rows)} are done; the same command goes on", file=sys.stderr)
            raise
    if arguments.json:
        fleet_arguments.print_json([asdict(each) for each in made.lines])
    else:
        fleet_arguments.print_table(
            ("mote", "board", "state", "channel", "generation", "port", "seconds", "error"),
            [
                (each.id, each.board, each.state, each.channel, str(each.generation or ""), each.port,
                 f"{each.seconds:.1f}" if each.at else "", each.error)
                for each in made.lines
            ],
        )  # fmt: skip
        done = sum(each.state == DONE for each in made.lines)
        print(f"{done} of {len(rows)} are done, as {report} says" + ("" if done == len(rows) else "; the same goes on"))
    return 1 if made.waiting else 0


COMMAND = Command(
    "bulk",
    "add many motes from a list, and put them onto boards one after another; the same again goes on",
    (
        ("ironmote bulk beds.csv", "each board that is plugged in becomes the next mote"),
        ("ironmote bulk beds.csv --port /dev/ttyUSB0 --port /dev/ttyUSB1", "the next two motes, onto these boards"),
        ("ironmote bulk beds.csv --json", "what was done, for a script"),
    ),
    _options,
    _run,
)
