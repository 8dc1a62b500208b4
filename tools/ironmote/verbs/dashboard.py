"""ironmote dashboard: the web page of a fleet, its accounts and its certificate."""

import argparse
import re
from typing import Any

from .. import fleet_arguments, passphrase
from ..arguments import Number
from . import Command

_PORT = 8470
_ROLES = ("monitor", "controller", "administrator")  # dashboard.accounts.ROLES, which would import cryptography
_TURN_S = 0.2
_ACCOUNT = "account-"  # before the options of its passphrase: it is not that of the key store
_HOST = re.compile(r"[A-Za-z0-9:](?:[A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?")


def _options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--bind", default="127.0.0.1", metavar="ADDRESS", help="the address that it serves (default: %(default)s)")
    add("--port", type=Number(0, 65_535, whole=True), default=_PORT, metavar="N", help="default: %(default)s")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--add-user", metavar="NAME", help="make an account, or give it another role and passphrase")
    what.add_argument("--remove-user", metavar="NAME", help="remove an account, and end its sessions")
    what.add_argument("--users", action="store_true", help="show who may sign in")
    what.add_argument("--certify", action="store_true", help="issue its TLS certificate; needs the key store")
    add("--role", choices=_ROLES, help="with --add-user: sees, switches too, revokes and acknowledges too")
    add(
        "--name",
        action="append",
        default=[],
        type=_name,
        metavar="HOST",
        help="with --certify: a name or address it has",
    )
    passphrase.options(parser, "the account", _ACCOUNT)
    fleet_arguments.options(parser, unlocks=True)


def _name(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not the name or address of a machine")
    return text.lower()


def _run(arguments: argparse.Namespace) -> int:
    from ..errors import UsageError

    if (arguments.role is not None) is not (arguments.add_user is not None):
        raise UsageError(f"--add-user and --role go together; roles are {', '.join(_ROLES)}")
    if arguments.name and not arguments.certify:
        raise UsageError("--name goes with --certify")
    if arguments.add_user is not None:
        return _add(arguments)
    if arguments.remove_user is not None:
        return _remove(arguments)
    if arguments.users:
        return _users(arguments)
    return _certify(arguments) if arguments.certify else _serve(arguments)


def _add(arguments: argparse.Namespace) -> int:
    from ..dashboard import accounts, folder

    name = accounts.check_name(arguments.add_user)
    found = folder.accounts(fleet_arguments.folder(arguments).paths)
    found.add(name, arguments.role, passphrase.source(arguments, _ACCOUNT).ask_new(f"{name}, for the dashboard"))
    _show(arguments, {"user": name, "role": arguments.role}, f"{name} may sign in as {arguments.role}")
    return 0


def _remove(arguments: argparse.Namespace) -> int:
    from ..dashboard import folder

    folder.accounts(fleet_arguments.folder(arguments).paths).remove(arguments.remove_user)
    _show(arguments, {"removed": arguments.remove_user}, f"{arguments.remove_user} may sign in no more")
    return 0


def _users(arguments: argparse.Namespace) -> int:
    from ..dashboard import folder

    found = folder.accounts(fleet_arguments.folder(arguments).paths).all()
    if arguments.json:
        fleet_arguments.print_json([{"user": each.name, "role": each.role} for each in found.values()])
    elif found:
        fleet_arguments.print_table(("user", "role"), [(each.name, each.role) for each in found.values()])
    else:
        print("nobody may sign in yet: ironmote dashboard --add-user NAME --role administrator")
    return 0


def _certify(arguments: argparse.Namespace) -> int:
    from ..dashboard import folder

    with fleet_arguments.folder(arguments).unlock(fleet_arguments.asker(arguments)) as held:
        made = folder.certify(held, arguments.name)
        authority = str(held.folder.paths.authority)
    said = {"certificate": str(made.path), "names": list(made.names), "authority": authority}
    _show(arguments, said, f"{made.path}: for {', '.join(made.names)}; browsers trust it once they have {authority}")
    return 0


def _serve(arguments: argparse.Namespace) -> int:
    import contextlib
    import json
    import queue
    import time

    from .. import interrupts
    from ..dashboard import folder as place
    from ..dashboard.live import Live
    from ..dashboard.past import Past
    from ..dashboard.server import Server
    from ..dashboard.site import Sources
    from ..gateway import settings
    from ..gateway.owner_line import OwnerLine
    from ..plain import plain

    fleet = fleet_arguments.folder(arguments)
    certificate, accounts = place.certificate(fleet.paths), place.accounts(fleet.paths)
    if not accounts.all():
        raise place.DashboardError(
            "nobody may sign in yet: ironmote dashboard --add-user NAME --role administrator makes the first account"
        )
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    store = settings.load(fleet.paths.gateway_settings, fleet.file.id).store or fleet.paths.history
    owner = OwnerLine(fleet.paths.line)
    with contextlib.closing(Live(owner)) as live, contextlib.closing(Past(store)) as past:
        sources = Sources(owner, live, past, accounts=accounts, done=lines.put, title=fleet.file.name)
        server = Server(sources, arguments.bind, arguments.port, certificate)
        server.start()
        try:
            _show(arguments, {"event": "dashboard", "url": server.url}, f"{server.url}  Ctrl-C ends it")
            while True:
                interrupts.check()
                server.check()
                with contextlib.suppress(queue.Empty):
                    words = plain(lines.get(timeout=_TURN_S))
                    said = {"event": "done", "text": words, "time": round(time.time(), 3)}
                    print(json.dumps(said) if arguments.json else f"{time.strftime('%H:%M:%S')} {words}", flush=True)
        finally:
            server.stop()


def _show(arguments: argparse.Namespace, said: dict[str, Any], words: str) -> None:
    import json

    print(json.dumps(said) if arguments.json else words, flush=True)


COMMAND = Command(
    "dashboard",
    "serve the fleet's web page: motes, charts, alerts, switches, and what others see on the wire",
    (
        ("ironmote dashboard --certify --name house.lan", "once: its certificate, by the fleet's own authority"),
        ("ironmote dashboard --add-user anna --role controller", "who may sign in, and as what; there is no default"),
        ("ironmote dashboard", "https://localhost:8470/, for this machine, beside a running ironmote gateway"),
        ("ironmote dashboard --bind 0.0.0.0", "for the network"),
    ),
    _options,
    _run,
)
