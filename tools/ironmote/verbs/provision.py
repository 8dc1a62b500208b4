"""ironmote provision: make the board at a serial port one of the fleet's motes."""

import argparse

from .. import fleet_arguments
from . import Command


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("mote", metavar="ID", help="the mote that the board shall be")
    parser.add_argument("--port", help="the serial port (default: the only one that leads to a USB device)")
    fleet_arguments.options(parser, unlocks=True)


def _run(arguments: argparse.Namespace) -> int:
    from .. import boards, mote_content, prompt
    from ..commission import commission
    from ..progress import Progress

    folder = fleet_arguments.folder(arguments)
    file = folder.mote_file(arguments.mote)
    profile = boards.load(file.board)
    port = arguments.port or prompt.only_port()
    with folder.unlock(fleet_arguments.asker(arguments)) as held, Progress() as progress:
        mote = mote_content.find(held, arguments.mote)
        outcome = commission(
            port,
            profile,
            file.channel,
            file.floor,
            lambda choice, before: mote_content.content(held, arguments.mote, choice, before),
            progress.phase,
            lambda number, count, write: progress.step(number, count, write.name),
            lambda given: mote_content.note(held, arguments.mote, given),
        )
        generation = mote.generation
    done = {
        "mote": arguments.mote, "port": port, "board": profile.name, "channel": outcome.choice.channel,
        "why": outcome.choice.why, "generation": generation, "files": outcome.files, "secrets": outcome.secrets,
        "removed": outcome.removed,
    }  # fmt: skip
    if arguments.json:
        fleet_arguments.print_json(done)
        return 0
    print(f"{arguments.mote}: channel {outcome.choice.channel}: {outcome.choice.why}")
    removed = f", {outcome.removed} old files removed" if outcome.removed else ""
    print(f"{outcome.files} files and {outcome.secrets} secrets written{removed}; generation {generation}; it runs")
    return 0


COMMAND = Command(
    "provision",
    "make the board at a serial port a mote: its files, its secrets, its time; the same again writes only what differs",
    (
        ("ironmote provision kitchen", "the only board that is plugged in"),
        ("ironmote provision kitchen --port /dev/ttyUSB1", "one of several"),
        ("ironmote provision kitchen --json", "what was done, for a script"),
    ),
    _options,
    _run,
)
