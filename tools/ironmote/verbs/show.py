"""ironmote show: everything about a mote, or the fleet, that is no secret."""

import argparse

from .. import fleet_arguments
from . import Command


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("mote", nargs="?", metavar="ID", help="the mote; without one the fleet itself is shown")
    fleet_arguments.options(parser)


def _run(arguments: argparse.Namespace) -> int:
    from .. import mote_view

    folder = fleet_arguments.folder(arguments)
    found = mote_view.of_fleet(folder) if arguments.mote is None else mote_view.of_mote(folder, arguments.mote, True)
    if arguments.json:
        fleet_arguments.print_json(found)
    else:
        fleet_arguments.print_table(("", ""), mote_view.lines("", found))
    return 0


COMMAND = Command(
    "show",
    "show all that is known of a mote, or of the fleet, and is no secret; needs no passphrase",
    (
        ("ironmote show", "the fleet: its zones, its authority, its roles"),
        ("ironmote show kitchen", "one mote"),
        ("ironmote show kitchen --json", "for a script"),
    ),
    _options,
    _run,
)
