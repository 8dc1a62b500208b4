"""ironmote provision: make the board at a serial port one of the fleet's motes."""

import argparse

from .. import fleet_arguments
from ..arguments import Number
from . import Command


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("mote", metavar="ID", help="the mote that the board shall be")
    parser.add_argument("--port", help="the serial port (default: the only one that leads to a USB device)")
    parser.add_argument(
        "--within",
        type=Number(0, 86_400),
        default=90.0,
        metavar="SECONDS",
        help="how long to wait for its first verified reading, where a gateway runs here (default: 90; 0: do not)",
    )
    fleet_arguments.options(parser, unlocks=True)


def _run(arguments: argparse.Namespace) -> int:
    import contextlib
    from dataclasses import asdict

    from .. import fleet_provision, prompt
    from ..errors import IronmoteError
    from ..gateway.owner_line import NoGateway
    from ..gateway_told import AT_WORK, THERE, Hearing
    from ..progress import Progress

    folder, name = fleet_arguments.folder(arguments), arguments.mote
    measures = bool((dict(folder.file.defaults) | dict(folder.mote_file(name).fields)).get("sensors"))
    port = arguments.port or prompt.only_port()
    heard: bool | None = None
    silent = ", and was not heard"
    with contextlib.ExitStack() as stack:
        hearing = None
        with contextlib.suppress(NoGateway):
            hearing = stack.enter_context(Hearing(folder.paths)) if arguments.within else None
        progress = stack.enter_context(Progress())
        with folder.unlock(fleet_arguments.asker(arguments)) as held:
            done = fleet_provision.provision(held, name, port, progress.phase, progress.step)
        if hearing is not None:  # and the fleet is free for others
            hearing.forget()
            progress.phase("waiting for its first verified reading" if measures else "waiting until it is heard")
            came = hearing.wait_for_mote(name, arguments.within, measures)
            heard = came == AT_WORK
            if came == THERE:
                silent = " and heard, but none of its sensors said anything"
    if arguments.json:
        fleet_arguments.print_json(asdict(done) | {"heard": heard})
    else:
        print(f"{name}: channel {done.channel}: {done.why}")
        removed = f", {done.removed} old files removed" if done.removed else ""
        if done.broker:
            print(f"broker: {done.broker}")
        print(f"{done.files} files and {done.secrets} secrets written{removed}; generation {done.generation}; it runs")
        if heard:
            first = "its first reading is verified and stored" if measures else "it has no sensors, so nothing to read"
            print(f"gateway: heard, {first}")
        elif heard is None and done.broker and arguments.within:
            print("gateway: none runs here; ironmote gateway starts it, ironmote listen shows what it hears")
    if heard is False:
        raise IronmoteError(
            f"{name} is provisioned{silent} within {arguments.within:.0f} s; ironmote monitor shows why"
        )
    return 0


COMMAND = Command(
    "provision",
    "make the board at a serial port a mote: its files, its secrets, its time; the same again writes only what differs",
    (
        ("ironmote provision kitchen", "the only board that is plugged in; waits until a gateway has heard it"),
        ("ironmote provision kitchen --port /dev/ttyUSB1", "one of several"),
        ("ironmote provision kitchen --json", "what was done, for a script"),
    ),
    _options,
    _run,
)
