"""ironmote power: what a mote that sleeps deeply costs a day."""

import argparse
from pathlib import Path

from ..arguments import Number
from . import Command


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE.toml", help="the mote's file")
    parser.add_argument("--every", type=Number(1, 1000, whole=True), metavar="N", help="as if send_every were N")
    parser.add_argument(
        "--boot",
        type=Number(0, 60),
        default=0.5,
        metavar="SECONDS",
        help="from waking to the program (default: %(default)s)",
    )
    parser.add_argument(
        "--join", type=Number(0, 60), default=2.0, metavar="SECONDS", help="joining the network (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _run(arguments: argparse.Namespace) -> int:
    from .. import power_view, wake_cost

    assumed = wake_cost.Assumptions(boot_s=arguments.boot, join_s=arguments.join)
    print(power_view.show(arguments.file, arguments.every, assumed, arguments.json))
    return 0


COMMAND = Command(
    "power",
    "compute what a mote that sleeps deeply costs a day: wakings, bytes, time awake, flash, charge",
    (
        ("ironmote power kitchen.toml", "a table; nothing in it was measured on a board"),
        ("ironmote power kitchen.toml --every 10", "what it would be if one waking of ten sent"),
        ("ironmote power kitchen.toml --json", "for a script"),
    ),
    _options,
    _run,
)
