"""The command line. One table of commands; errors are caught here, once, and printed as one line."""

import argparse
import errno
import importlib.metadata
import io
import os
import sys
from collections.abc import Sequence

from . import interrupts
from .arguments import Parser
from .errors import IronmoteError
from .plain import plain
from .verbs import (
    add,
    alerts,
    audit,
    authenticator,
    broker,
    bulk,
    certificate,
    check,
    dashboard,
    demo,
    doctor,
    export,
    flash,
    gateway,
    harden,
    history,
    image,
    import_,
    init,
    listen,
    monitor,
    power,
    provision,
    remove,
    revoke,
    roles,
    rotate,
    send,
    show,
    simulate,
    wifi,
)
from .verbs import list as list_

COMMANDS = tuple(
    verb.COMMAND
    for verb in (
        demo,
        init,
        add,
        check,
        list_,
        show,
        remove,
        wifi,
        roles,
        certificate,
        flash,
        harden,
        provision,
        bulk,
        simulate,
        doctor,
        monitor,
        image,
        export,
        import_,
        power,
        broker,
        gateway,
        listen,
        alerts,
        send,
        history,
        dashboard,
        revoke,
        rotate,
        audit,
        authenticator,
    )
)

_FIRST_STEPS = (
    ("ironmote init house --broker HOST --wifi NAME", "a fleet is a folder; cd house"),
    ("ironmote wifi NAME", "asks for the passphrase of the network"),
    ("ironmote add kitchen --board esp32", "motes/kitchen.toml: what hangs on it"),
    ("ironmote broker write mosquitto", "or nats; then, in another terminal, ironmote broker run"),
    ("ironmote gateway", "in another terminal: verifies and stores"),
    ("ironmote provision kitchen", "the board at the cable; without one, simulate kitchen"),
    ("ironmote listen", "what it says; each command has examples with --help"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    try:
        interrupts.hear()
        _ready_streams()
        arguments = _parser().parse(argv)
        status: int = arguments.run(arguments)
        sys.stdout.flush()
    except IronmoteError as error:
        _complain(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        return interrupts.STATUS
    except BrokenPipeError:
        _drop_output()  # whoever read it has gone
        return 1
    except OSError as error:
        _drop_output()
        where = f"{error.filename}: " if error.filename else ""
        full = "; make room, then give the command again" if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        _complain(f"{where}{error.strerror or error}{full}")
        return 1
    return status


def _ready_streams() -> None:
    """Output that is closed is an error while files could still take its number; letters that it lacks are "?"."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (it is there to the end)
    if sys.stdout is None:
        raise IronmoteError("there is no standard output; send it somewhere, to /dev/null if nowhere else")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _complain(text: str) -> None:
    try:
        print(f"ironmote: {plain(text)}", file=sys.stderr, flush=True)
    except OSError:  # then there is nobody to tell, and Python must not try once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def _drop_output() -> None:
    """Let Python flush what is left into nowhere, or it would complain at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> Parser:
    width = max(len(line) for line, _ in _FIRST_STEPS)
    steps = "\n".join(f"  {line:<{width}}   {about}" for line, about in _FIRST_STEPS)
    parser = Parser(
        prog="ironmote",
        description="Secure MQTT for constrained sensors and actuators, in MicroPython.",
        epilog=f"first steps, from an empty folder to a verified reading:\n{steps}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"ironmote {importlib.metadata.version('ironmote')}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        width = max(len(line) for line, _ in command.examples)
        examples = "\n".join(f"  {line:<{width}}   {about}" for line, about in command.examples)
        child = commands.add_parser(
            command.name,
            help=command.about,
            description=command.about[0].upper() + command.about[1:] + ".",
            epilog=f"examples:\n{examples}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.options(child)
        child.set_defaults(run=command.run, parser=child)
    return parser
