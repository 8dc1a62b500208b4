"""ironmote remove: take motes out of the fleet, and erase their keys."""

import argparse

from .. import fleet_arguments
from . import Command


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("motes", nargs="+", metavar="ID", help="which motes")
    fleet_arguments.options(parser, unlocks=True)
    fleet_arguments.yes_option(parser)


def _run(arguments: argparse.Namespace) -> int:
    from .. import gateway_told
    from ..brokers import written

    folder = fleet_arguments.folder(arguments)
    wanted = list(dict.fromkeys(arguments.motes))
    for mote_id in wanted:
        # One that was removed may have been so by a command that was cut off: this one ends it.
        if not (folder.has(mote_id) or folder.entry(mote_id).removed):
            raise folder.unknown(mote_id)
    names = ", ".join(wanted)
    fleet_arguments.confirm(f"Remove {names}, and erase the keys for ever?", arguments.yes)
    with folder.unlock(fleet_arguments.asker(arguments)) as held:
        for mote_id in wanted:
            held.remove(mote_id)
        held.save()
        broker = written.renew(held)
    gateway = gateway_told.tell(folder.paths)
    if arguments.json:
        fleet_arguments.print_json({"removed": wanted, "broker": broker, "gateway": gateway})
    else:
        print(f"{names}: removed, with keys and certificate")
        print(f"broker: {broker or 'none was written'}; gateway: {gateway}")
    return 0


COMMAND = Command(
    "remove",
    "take motes out of the fleet: their files go, their keys are erased, their certificates revoked",
    (
        ("ironmote remove kitchen", "asks whether it is meant"),
        ("ironmote remove bed-1 bed-2 --yes", "does not ask"),
    ),
    _options,
    _run,
)
