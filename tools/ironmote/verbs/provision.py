"""ironmote provision: make the board at a serial port one of the fleet's motes."""

import argparse

from .. import fleet_arguments
from . import Command


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("mote", metavar="ID", help="the mote that the board shall be")
    parser.add_argument("--port", help="the serial port (default: the only one that leads to a USB device)")
    fleet_arguments.options(parser, unlocks=True)


def _run(arguments: argparse.Namespace) -> int:
    from dataclasses import asdict

    from .. import fleet_provision, prompt
    from ..progress import Progress

    folder = fleet_arguments.folder(arguments)
    folder.mote_file(arguments.mote)
    port = arguments.port or prompt.only_port()
    with folder.unlock(fleet_arguments.asker(arguments)) as held, Progress() as progress:
        done = fleet_provision.provision(held, arguments.mote, port, progress.phase, progress.step)
    if arguments.json:
        fleet_arguments.print_json(asdict(done))
        return 0
    print(f"{arguments.mote}: channel {done.channel}: {done.why}")
    removed = f", {done.removed} old files removed" if done.removed else ""
    if done.broker:
        print(f"broker: {done.broker}")
    print(f"{done.files} files and {done.secrets} secrets written{removed}; generation {done.generation}; it runs")
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
