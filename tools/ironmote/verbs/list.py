"""ironmote list: which motes there are."""

import argparse
from typing import Any

from .. import fleet_arguments
from . import Command


def _options(parser: argparse.ArgumentParser) -> None:
    fleet_arguments.options(parser)


def _run(arguments: argparse.Namespace) -> int:
    from .. import mote_view

    folder = fleet_arguments.folder(arguments)
    found: list[dict[str, Any]] = [mote_view.of_mote(folder, mote_id) for mote_id in folder.known_ids()]
    if arguments.json:
        fleet_arguments.print_json(found)
    elif found:
        names = ("mote", "board", "channel", "zone", "generation", "certificate", "provisioned", "state")
        shown = ["key" if name == "generation" else name for name in names]  # all of it fits into 80 columns
        fleet_arguments.print_table(shown, [[mote_view.word(name, mote[name]) for name in names] for mote in found])
    else:
        print(f"{folder.file.name} has no motes yet: ironmote add ID --board BOARD")
    return 0


COMMAND = Command(
    "list",
    "show the motes of the fleet; needs no passphrase",
    (
        ("ironmote list", "a line a mote"),
        ("ironmote list --json", "for a script"),
    ),
    _options,
    _run,
)
