"""ironmote add: add motes to the fleet."""

import argparse

from .. import fleet_arguments
from . import Command


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("motes", nargs="+", metavar="ID", help="what the mote is called: 1 to 23 of a-z, 0-9 and -")
    parser.add_argument("--board", metavar="BOARD", help="which board it is; needed unless its file is there already")
    fleet_arguments.options(parser, unlocks=True)


def _run(arguments: argparse.Namespace) -> int:
    from .. import boards
    from ..fleet import check_id

    folder = fleet_arguments.folder(arguments)
    for mote_id in arguments.motes:
        check_id(mote_id)
    if arguments.board is not None:
        boards.load(arguments.board)
    with folder.unlock(fleet_arguments.asker(arguments)) as held:
        made = [held.add(mote_id, arguments.board) for mote_id in arguments.motes]
        held.save()
        entries = {mote_id: held.entry(mote_id) for mote_id in arguments.motes}
    if arguments.json:
        fleet_arguments.print_json(
            [
                {
                    "mote": mote_id,
                    "generation": entry.generation,
                    "file": str(folder.paths.mote(mote_id)),
                    "made": new,
                }
                for (mote_id, entry), new in zip(entries.items(), made, strict=True)
            ]
        )
        return 0
    for (mote_id, entry), new in zip(entries.items(), made, strict=True):
        words = f"root key {entry.generation}" if new else "its keys were still there, and are kept"
        print(f"{mote_id}: {folder.paths.mote(mote_id)}, {words}")
    return 0


COMMAND = Command(
    "add",
    "add motes to the fleet: a file for each that says what it is, and its root key",
    (
        ("ironmote add kitchen --board esp32", "motes/kitchen.toml is made, with comments"),
        ("ironmote add bed-1 bed-2 bed-3 --board esp8266", "three at a time"),
        ("ironmote add cellar", "motes/cellar.toml is there already: its key is made"),
    ),
    _options,
    _run,
)
