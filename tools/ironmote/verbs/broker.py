"""ironmote broker: write the fleet's broker, run it, tell it of changes, and prove what it allows."""

import argparse
import ipaddress
from typing import Any

from .. import fleet_arguments
from ..arguments import Number
from . import Command

_KINDS = ("mosquitto", "nats")  # brokers.written.KINDS, which would import all of it
_PORT = Number(1, 65_535, whole=True)
_CHANGES = ("bind", "websockets", "inlet", "inner", "nodes", "route", "stream")
_NODES = (1, 3)  # 3 is brokers.nats_cluster.NODES


def _options(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    write = actions.add_parser("write", help="make its files, or make them anew after a change of the fleet")
    write.add_argument("kind", nargs="?", choices=_KINDS, help="which one; left out: that which was written last")
    write.add_argument(
        "--bind", type=_address, metavar="ADDRESS", help="the address that it listens on (default: every one)"
    )
    write.add_argument(
        "--websockets",
        type=Number(0, 65_535, whole=True),
        metavar="PORT",
        help="Mosquitto: MQTT over WebSockets, inside TLS (default: 0, none)",
    )
    write.add_argument("--inlet", type=_PORT, metavar="PORT", help="NATS: the gateway's WebSockets (default: 8443)")
    write.add_argument("--inner", type=_PORT, metavar="PORT", help="NATS: the authenticators' port (default: 4222)")
    write.add_argument("--nodes", type=int, choices=_NODES, help="NATS: a cluster of so many, at the zones' brokers")
    write.add_argument("--route", type=_PORT, metavar="PORT", help="NATS: where nodes hear each other (default: 6222)")
    write.add_argument(
        "--stream", action=argparse.BooleanOptionalAction, help="NATS: gateways take turns at a durable consumer"
    )
    fleet_arguments.options(write, unlocks=True)
    run = actions.add_parser("run", help="start what was written last, show its log, until Ctrl-C")
    run.add_argument("--node", type=Number(1, _NODES[-1], whole=True), metavar="N", help="of a cluster, this one alone")
    fleet_arguments.options(run)
    tell = actions.add_parser("reload", help="write it anew, and have what runs take that up; sessions stay open")
    fleet_arguments.options(tell, unlocks=True)
    check = actions.add_parser("check", help="prove at the broker that runs who may do what; status 1 if it differs")
    check.add_argument(
        "--node", type=Number(1, _NODES[-1], whole=True), metavar="N", help="of a cluster, this one alone"
    )
    check.add_argument("--all", action="store_true", help="show what is as it should be, too")
    fleet_arguments.options(check, unlocks=True)


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not an address such as 192.168.1.2 or fd00::7") from None


def _run(arguments: argparse.Namespace) -> int:
    return {"write": _write, "run": _start, "reload": _reload, "check": _check}[arguments.action](arguments)


def _write(arguments: argparse.Namespace) -> int:
    from ..brokers import written

    folder = fleet_arguments.folder(arguments)
    kind = arguments.kind or written.Written.read(folder).place.kind
    changes = {name: getattr(arguments, name) for name in _CHANGES if getattr(arguments, name) is not None}
    with folder.unlock(fleet_arguments.asker(arguments)) as held:
        made = written.write(held, kind, changes)
    _show(
        arguments,
        {"broker": kind, "folder": str(made.folder)},
        f"{made.folder}: written; ironmote broker run starts it",
    )
    return 0


def _start(arguments: argparse.Namespace) -> int:
    from ..brokers import run
    from ..brokers.written import Written

    return run.run(Written.read(fleet_arguments.folder(arguments)), arguments.node)


def _reload(arguments: argparse.Namespace) -> int:
    from ..brokers import written
    from ..errors import BrokerError

    folder = fleet_arguments.folder(arguments)
    with folder.unlock(fleet_arguments.asker(arguments)) as held:
        made = written.write(held, written.Written.read(folder).place.kind, {})
    told = made.reload()
    if not told:
        raise BrokerError(f"{made.folder} was written, and nothing runs with it here; ironmote broker run starts it")
    _show(arguments, {"told": told, "folder": str(made.folder)}, f"{', '.join(told)}: told")
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from ..brokers import check
    from ..brokers.written import Written

    folder = fleet_arguments.folder(arguments)
    with folder.unlock(fleet_arguments.asker(arguments)) as held:
        found = check.check(held, Written.read(folder), arguments.node)
    wrong = [each for each in found if not each.good]
    if arguments.json:
        fleet_arguments.print_json([each.to_json() for each in found])
        return 1 if wrong else 0
    shown = found if arguments.all else wrong
    if shown:
        columns = ("at", "who", "does", "topic", "expected", "is")
        rows = [(each.at, each.who, each.does, each.topic, each.expected, each.found) for each in shown]
        fleet_arguments.print_table(columns, rows)
    print(f"{len(found)} tried, {len(wrong)} not as they should be")
    return 1 if wrong else 0


def _show(arguments: argparse.Namespace, said: dict[str, Any], text: str) -> None:
    if arguments.json:
        fleet_arguments.print_json(said)
    else:
        print(text)


COMMAND = Command(
    "broker",
    "write the files of the fleet's broker, run it, tell it of changes, prove who may do what there",
    (
        (
            "ironmote broker write mosquitto",
            "brokers/mosquitto/: configuration, rights, hashed passwords, certificates",
        ),
        ("ironmote broker run", "in the foreground, with its log"),
        ("ironmote broker reload", "after a mote was added or removed"),
        ("ironmote broker check", "who may do what, tried at the broker that runs; status 1 where it differs"),
    ),
    _options,
    _run,
)
