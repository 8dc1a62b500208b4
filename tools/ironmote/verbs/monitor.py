"""ironmote monitor: what a board prints."""

import argparse
import sys

from . import Command


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", help="the serial port (default: the only one that leads to a USB device)")
    parser.add_argument("--until", metavar="WORDS", help="end when a line holds these words")


def _run(arguments: argparse.Namespace) -> int:
    from .. import prompt, traceback_lines
    from ..plain import plain

    port = arguments.port or prompt.only_port()
    if sys.stderr.isatty():
        print(f"what {port} prints; Ctrl-C ends it", file=sys.stderr, flush=True)
    for line in prompt.console(port):
        print(plain(line), flush=True)
        about = traceback_lines.source(line)
        if about is not None:
            print(f"    {plain(about)}", flush=True)
        if arguments.until is not None and arguments.until in line:
            break
    return 0


COMMAND = Command(
    "monitor",
    "show what a board prints until Ctrl-C, tracebacks with the source they name; nothing is sent to it",
    (
        ("ironmote monitor", "the only board that is plugged in"),
        ("ironmote monitor --port /dev/ttyUSB1 --until connected", "until the mote has its broker"),
    ),
    _options,
    _run,
)
