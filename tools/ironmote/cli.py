"""The command line. One table of commands; errors are caught here, once, and printed as one line.

ironmote demo            a fleet of simulated motes comes to life
ironmote authenticator   verify the CONNECT tokens of motes, for a broker that asks
"""

import argparse
import importlib.metadata
import io
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mote.channel import AUTO, CHANNELS

from . import interrupts
from .arguments import Parser
from .errors import IronmoteError
from .plain import plain


@dataclass(frozen=True)
class Command:
    """One subcommand: `options` adds its arguments, `run` does it and returns the exit status."""

    name: str
    about: str
    examples: Sequence[tuple[str, str]]
    options: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def _demo_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--for",
        dest="seconds",
        type=_seconds,
        metavar="SECONDS",
        help="end after this time, else at Ctrl-C; a command goes out 2 s after each mote's first reading",
    )
    add("--json", action="store_true", help="print JSON lines instead of the live table")
    add("--replay", type=Path, metavar="FILE.csv", help="let the sensors feel recorded measurements, then end")
    add("--broker", choices=("nats", "mosquitto"), default="nats", help="the broker to use (default: %(default)s)")
    add(
        "--channel",
        choices=CHANNELS,
        default=AUTO,
        help="the channel of the esp32 motes; tls-psk needs --broker mosquitto (default: by the board's facts)",
    )
    add("--motes", type=_motes, default=2, metavar="N", help="how many motes, esp32 and esp8266 in turn (default: 2)")
    add("--every", type=_period, metavar="SECONDS", help="how often motes sample (default: 1; with --replay 0.25)")
    add("--attack", action="store_true", help="near the end, send captured messages again; they are refused")
    add(
        "--keep",
        type=Path,
        metavar="DIR",
        help="keep the motes' file systems, the store and all bytes of every link in DIR; it holds keys",
    )
    add("--picture", type=Path, metavar="FILE.svg", help="save the last frame of the table as a picture")
    add("--verbose", action="store_true", help="show start-up times, sizes, heap and the motes' consoles")


def _demo(arguments: argparse.Namespace) -> int:
    from .demo.run import Options, run_demo  # it brings everything along: not for --help, and Ctrl-C finds us ready

    return run_demo(
        Options(
            seconds=arguments.seconds,
            json=arguments.json,
            replay=arguments.replay,
            broker=arguments.broker,
            channel=arguments.channel,
            motes=arguments.motes,
            every=arguments.every,
            attack=arguments.attack,
            keep=arguments.keep,
            picture=arguments.picture,
            verbose=arguments.verbose,
        )
    )


def _authenticator_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE.toml", help="which roster, which counters, who may ask")
    parser.add_argument("--new", action="store_true", help="make the file of counters where there is none yet")


def _authenticator(arguments: argparse.Namespace) -> int:
    from .authenticator import process  # a client of NATS: not for those who only want the demo's --help

    return process.run(arguments.file, arguments.new)


COMMANDS = (
    Command(
        "demo",
        "bring a fleet of simulated motes to life: real device code, a real broker, a gateway that verifies",
        (
            ("ironmote demo", "watch until Ctrl-C"),
            ("ironmote demo --for 20 --json", "twenty seconds, for a script"),
            ("ironmote demo --replay office.csv", "the sensors feel a recording"),
            ("ironmote demo --broker mosquitto --motes 6", "another broker, more motes"),
            ("ironmote demo --channel tls+sealed", "sealed inside TLS, for a broker that is not trusted"),
            ("ironmote demo --for 25 --attack", "a captured message is sent again, and refused"),
        ),
        _demo_options,
        _demo,
    ),
    Command(
        "authenticator",
        "verify the CONNECT tokens of motes that speak without TLS, for a broker that asks over NATS or HTTP",
        (
            ("ironmote authenticator site.toml --new", "the first start: nobody was let in before"),
            ("ironmote authenticator site.toml", "every other start; any number of these may run"),
        ),
        _authenticator_options,
        _authenticator,
    ),
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
        _complain(f"{where}{error.strerror or error}")
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
    parser = Parser(prog="ironmote", description="Secure MQTT for constrained sensors and actuators, in MicroPython.")
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


def _seconds(text: str) -> float:
    return _between(text, 1, 30 * 86_400)


def _period(text: str) -> float:
    return _between(text, 0.2, 3600)


def _motes(text: str) -> int:
    return int(_between(text, 1, 64, whole=True))


def _between(text: str, low: float, high: float, whole: bool = False) -> float:
    try:
        value = float(int(text) if whole else float(text))
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise argparse.ArgumentTypeError(f"{text!r} is not a {'whole ' if whole else ''}number from {low} to {high}")
    return value
