"""ironmote rotate: give a mote another root key, over the air or by cable."""

import argparse

from .. import fleet_arguments
from ..arguments import Number
from . import Command


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("mote", metavar="ID", help="which mote")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--cable", action="store_true", help="not over the air: the next ironmote provision writes it")
    how.add_argument(
        "--heard",
        type=Number(2, 255, whole=True),
        metavar="GENERATION",
        help="the gateway has heard the mote under this one (RootRotated): forget the one before",
    )
    fleet_arguments.options(parser, unlocks=True)


def _run(arguments: argparse.Namespace) -> int:
    from .. import rotation
    from ..brokers import written
    from ..errors import BrokerError, IronmoteError

    folder, name = fleet_arguments.folder(arguments), arguments.mote
    with folder.unlock(fleet_arguments.asker(arguments)) as held:
        mote = held.fleet.motes.get(name)
        if mote is None:
            raise folder.unknown(name)
        if mote.revoked:
            raise IronmoteError(f"{name} was revoked; remove it and add it again, which gives it another key")
        if arguments.cable:
            rotation.replace(mote, held.entry(name).generation)
            held.entry(name).provisioned = None
            said = f"root key {mote.generation} from now on: ironmote provision {name}; until then nobody believes it"
        elif arguments.heard is not None:
            if mote.successor is None or arguments.heard != mote.generation + 1:
                raise IronmoteError(
                    f"{name} has root key {mote.generation}, and no rotation to {arguments.heard} was begun"
                )
            rotation.finish(mote, arguments.heard)
            said = f"root key {mote.generation}; the one before is forgotten"
        elif not mote.seals or mote.shares_key:
            raise IronmoteError(
                f"{name} is on {mote.channel or 'no channel yet'}, which takes no root key over the air; --cable"
            )
        else:
            rotation.begin(mote)
            said = f"both root keys are good until the gateway has heard it under {mote.generation + 1}"
        held.save()
        told: list[str] = []
        try:
            broker = written.write(held, written.Written.read(folder).place.kind, {})
            told = broker.reload()
        except BrokerError as error:
            said += f"; its broker does not know: {error}"
        result = {"mote": name, "generation": mote.generation, "rotating": mote.successor is not None, "told": told}
    if arguments.json:
        fleet_arguments.print_json(result)
    else:
        print(f"{name}: {said}")
    return 0


COMMAND = Command(
    "rotate",
    "give a mote another root key: over the air where it seals, or by cable; heals no theft, which revoke does",
    (
        ("ironmote rotate cellar", "over the air: its gateway hands the new key on when it starts with this fleet"),
        ("ironmote rotate cellar --heard 2", "the gateway has heard it under the new key"),
        ("ironmote rotate cellar --cable", "the next ironmote provision writes it"),
    ),
    _options,
    _run,
)
