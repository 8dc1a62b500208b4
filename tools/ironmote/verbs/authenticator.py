"""ironmote authenticator: verify the CONNECT tokens of motes, for a broker that asks."""

import argparse
from pathlib import Path

from . import Command


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE.toml", help="which roster, which counters, who may ask")
    parser.add_argument("--new", action="store_true", help="make the file of counters where there is none yet")


def _run(arguments: argparse.Namespace) -> int:
    from ..authenticator import process  # a client of NATS: not for those who only want the demo's --help

    return process.run(arguments.file, arguments.new)


COMMAND = Command(
    "authenticator",
    "verify the CONNECT tokens of motes that speak without TLS, for a broker that asks over NATS or HTTP",
    (
        ("ironmote authenticator site.toml --new", "the first start: nobody was let in before"),
        ("ironmote authenticator site.toml", "every other start; any number of these may run"),
    ),
    _options,
    _run,
)
