"""ironmote demo: a fleet of simulated motes comes to life."""

import argparse
from pathlib import Path

from mote.channel import AUTO, CHANNELS

from ..arguments import Number
from . import Command


def _options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--for",
        dest="seconds",
        type=Number(1, 30 * 86_400),
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
    add(
        "--motes",
        type=Number(1, 64, whole=True),
        default=2,
        metavar="N",
        help="how many motes, esp32 and esp8266 in turn (default: 2)",
    )
    add(
        "--every",
        type=Number(0.2, 3600),
        metavar="SECONDS",
        help="how often motes sample (default: 1; with --replay 0.25)",
    )
    add("--attack", action="store_true", help="near the end, send captured messages again; they are refused")
    add(
        "--keep",
        type=Path,
        metavar="DIR",
        help="keep the motes' file systems, the store and all bytes of every link in DIR; it holds keys",
    )
    add("--picture", type=Path, metavar="FILE.svg", help="save the last frame of the table as a picture")
    add(
        "--dashboard",
        action=argparse.BooleanOptionalAction,
        help="serve a web page of the fleet to this machine, and print its address (default: with the table)",
    )
    add("--verbose", action="store_true", help="show start-up times, sizes, heap and the motes' consoles")


def _run(arguments: argparse.Namespace) -> int:
    from ..demo.run import Options, run_demo  # it brings everything along: not for --help, and Ctrl-C finds us ready

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
            dashboard=not (arguments.json or arguments.picture) if arguments.dashboard is None else arguments.dashboard,
        )
    )


COMMAND = Command(
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
    _options,
    _run,
)
