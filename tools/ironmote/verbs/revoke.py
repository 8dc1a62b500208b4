"""ironmote revoke: from now on nobody believes a mote, wherever it turns up."""

import argparse
from typing import TYPE_CHECKING

from .. import fleet_arguments
from . import Command

if TYPE_CHECKING:
    from ..open_folder import OpenFolder


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("mote", metavar="ID", help="which mote")
    fleet_arguments.options(parser, unlocks=True)
    fleet_arguments.yes_option(parser)


def _run(arguments: argparse.Namespace) -> int:
    from .. import gateway_told
    from ..brokers import written
    from ..errors import IronmoteError

    folder, name = fleet_arguments.folder(arguments), arguments.mote
    if not folder.has(name):
        raise folder.unknown(name)
    fleet_arguments.confirm(f"Revoke {name}, so that nobody believes it any more?", arguments.yes)
    rows: list[tuple[str, str]] = []
    trouble = ""
    with folder.unlock(fleet_arguments.asker(arguments)) as held:
        if name in held.fleet.motes and held.fleet.motes[name].revoked:
            rows.append(("keys", "revoked before"))
        else:
            held.revoke(name)
            held.save()
            rows.append(("keys", f"root key {held.fleet.motes[name].generation - 1} is worth nothing any more"))
            shown = held.entry(name).expires is not None
            rows.append(("certificate", f"on the list {folder.paths.revoked}" if shown else "it had none"))
        if written.is_there(folder):
            trouble = _tell_broker(held, name, rows)
        else:
            rows.append(("broker", "none was written here: there is none to tell"))
    rows.append(("gateway", gateway_told.tell(folder.paths)))
    if arguments.json:
        fleet_arguments.print_json({"revoked": name, "trouble": trouble or None, **dict(rows)})
    else:
        fleet_arguments.print_table(("", ""), [*rows, ("again", f"ironmote remove {name}, add it again, provision")])
    if trouble:
        raise IronmoteError(trouble)
    return 0


def _tell_broker(held: "OpenFolder", name: str, rows: list[tuple[str, str]]) -> str:
    """Have the broker let the mote in no more, and end its session; says what went wrong, "" where nothing did."""
    from ..brokers import evict, written
    from ..errors import IronmoteError

    # The fleet is saved: whatever goes wrong at the broker, the mote stays revoked.
    try:
        broker = written.write(held, written.Written.read(held.folder).place.kind, {})
        told = broker.reload()
        rows.append(("broker", f"{', '.join(told)}: told" if told else f"{broker.folder}: written, runs elsewhere"))
        session = evict.evict(held, broker, held.fleet.motes[name]) if told else "ends once the broker was told"
        rows.append(("session", session))
    except (IronmoteError, OSError) as error:
        return f"{name} is revoked, but its broker does not know: {error}"
    return ""


COMMAND = Command(
    "revoke",
    "have nobody believe a mote any more: its keys, its certificate, its session; for a stolen or opened board",
    (
        ("ironmote revoke kitchen", "asks whether it is meant, and shows what was done"),
        ("ironmote revoke kitchen --yes --json", "for a script"),
    ),
    _options,
    _run,
)
