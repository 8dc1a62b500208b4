"""ironmote simulate: one of the fleet's motes on a simulated board."""

import argparse
from pathlib import Path

from .. import fleet_arguments
from ..arguments import Number
from . import Command

_LOOK_S = 0.1
_LINES = 10_000


def _options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("mote", metavar="ID", help="the mote to simulate")
    add(
        "--for",
        dest="seconds",
        type=Number(1, 30 * 86_400),
        metavar="SECONDS",
        help="end after this time, else at Ctrl-C",
    )
    add("--keep", type=Path, metavar="DIR", help="keep the board in DIR/ID, secrets and all (default: keys/boards/ID)")
    add("--anew", action="store_true", help="the mote lives on another board: begin a new life, under a new root key")
    add(
        "--serial", action="store_true", help="put nothing onto the board; print its serial port and leave it to others"
    )
    fleet_arguments.options(parser, unlocks=True)


def _run(arguments: argparse.Namespace) -> int:
    import collections
    import contextlib
    import json
    import time
    from dataclasses import asdict

    from .. import interrupts
    from ..fleet_board import FleetBoard
    from ..plain import plain
    from ..progress import Progress

    folder = fleet_arguments.folder(arguments)
    folder.mote_file(arguments.mote)
    path = folder.paths.simulated(arguments.mote) if arguments.keep is None else arguments.keep / arguments.mote
    said: collections.deque[str] = collections.deque(maxlen=_LINES)  # whoever reads slowly misses some

    def tell(event: str, words: str, **fields: object) -> None:
        print(json.dumps({"event": event, **fields}) if arguments.json else plain(words), flush=True)

    with contextlib.ExitStack() as running:
        with folder.unlock(fleet_arguments.asker(arguments)) as held:
            made = FleetBoard(held, arguments.mote, path.resolve(), said.append)
            if not (arguments.anew or arguments.serial):
                made.check_life(held)
            board = running.enter_context(made.plugged())
            done = None
            if not arguments.serial:
                with Progress() as progress:
                    done = made.provision(held, progress.phase)
        if done is None:
            tell("port", board.port, mote=arguments.mote, port=board.port, folder=str(made.path))
        else:
            words = f"{done.mote}: channel {done.channel}, generation {done.generation}, on {done.port}"
            words += f"; broker: {done.broker}" if done.broker else ""
            tell("started", words, **asdict(done), folder=str(made.path))
        begun = time.monotonic()
        while arguments.seconds is None or time.monotonic() - begun < arguments.seconds:
            interrupts.check()
            while said:
                line = said.popleft()
                tell("line", line, text=line)
            time.sleep(_LOOK_S)
    return 0


COMMAND = Command(
    "simulate",
    "run one of the fleet's motes on a simulated board: what provisioning would put there, and what it prints",
    (
        ("ironmote simulate kitchen", "until Ctrl-C; the next start goes on with the same life"),
        ("ironmote simulate kitchen --for 60 --json", "a minute, for a script"),
        ("ironmote simulate kitchen --serial", "a board to try ironmote provision --port, or mpremote, on"),
    ),
    _options,
    _run,
)
