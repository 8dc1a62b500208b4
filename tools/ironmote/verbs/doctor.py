"""ironmote doctor: what board is this, what can it do, what is wrong with it, and what to do about that."""

import argparse
from dataclasses import asdict

from .. import fleet_arguments
from . import Command


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", help="the serial port (default: the only one that leads to a USB device)")
    parser.add_argument("--board", metavar="BOARD", help="which board it is (default: what its settings say)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _run(arguments: argparse.Namespace) -> int:
    from .. import examination, prompt

    found = examination.examine(arguments.port or prompt.only_port(), arguments.board)
    if arguments.json:
        fleet_arguments.print_json([asdict(each) for each in found])
    else:
        rows = [(each.about, each.words, f"do: {each.cure}" if each.cure else "") for each in found]
        fleet_arguments.print_table(("", "", ""), rows)
    return 1 if any(each.cure for each in found) else 0


COMMAND = Command(
    "doctor",
    "look at a board at a serial port: what it is, what it can do, what is wrong and what cures it; 1 if anything is",
    (
        ("ironmote doctor", "the only board that is plugged in; it is restarted, nothing is written"),
        ("ironmote doctor --port /dev/ttyUSB1 --json", "for a script"),
    ),
    _options,
    _run,
)
