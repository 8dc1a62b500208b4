"""ironmote harden: the commands that close a board to who holds it. It runs none of them."""

import argparse
from pathlib import Path

from .. import fleet_arguments
from . import Command

_PORT = "PORT"
_FOLDER = "ironmote-harden"


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("mote", nargs="?", metavar="ID", help="the mote whose board it is")
    parser.add_argument("--board", metavar="BOARD", help="instead of a mote: which board it is")
    parser.add_argument("--plan", action="store_true", help="print what you would do; there is nothing else it does")
    parser.add_argument("--port", default=_PORT, help="the serial port in the commands (default: the word PORT)")
    parser.add_argument(
        "--keys", type=Path, metavar="DIR", help="where the board's keys would be (default: ~/ironmote-harden/ID)"
    )
    parser.add_argument("--signing-key", type=Path, metavar="FILE",
                        help="the fleet's signing key (default: ~/ironmote-harden/signing.pem)")  # fmt: skip
    parser.add_argument("--build", type=Path, default=Path("build"), metavar="DIR",
                        help="the folder of a firmware that you built (default: %(default)s)")  # fmt: skip
    fleet_arguments.options(parser)


def _run(arguments: argparse.Namespace) -> int:
    from .. import boards, harden
    from ..errors import IronmoteError

    if not arguments.plan:
        raise IronmoteError("ironmote burns no fuses; --plan prints the commands with which you would")
    if (arguments.mote is None) is (arguments.board is None):
        raise IronmoteError("name a mote, or a board with --board")
    name = arguments.board
    if arguments.mote is not None:
        name = fleet_arguments.folder(arguments).mote_file(arguments.mote).board
    profile = boards.load(name)
    why = harden.cannot(profile)
    # Outside of the fleet's folder, which goes into git.
    folder = arguments.keys or Path.home() / _FOLDER / (arguments.mote or name)
    signing_key = arguments.signing_key or Path.home() / _FOLDER / harden.SIGNING_KEY
    mote = arguments.mote or "MOTE"
    steps = [] if why else harden.plan(profile, arguments.port, folder, signing_key, arguments.build, mote)
    if arguments.json:
        fleet_arguments.print_json({"board": name, "cannot": why, "steps": [step.to_json() for step in steps]})
    elif why is not None:
        print(f"{name}: {why}")
    else:
        print(harden.show(steps))
    return 0


COMMAND = Command(
    "harden",
    "print how a board is closed to who holds it: flash encryption and secure boot, command by command",
    (
        ("ironmote harden --plan kitchen", "to read, and to try on a board that you can spare; nothing is run"),
        ("ironmote harden --plan --board esp32-c3 --port /dev/ttyACM0", "without a fleet"),
    ),
    _options,
    _run,
)
