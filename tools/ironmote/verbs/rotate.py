"""ironmote rotate: give a mote another root key, over the air or by cable."""

import argparse
import functools
from typing import TYPE_CHECKING

from .. import fleet_arguments
from ..arguments import Number
from . import Command

if TYPE_CHECKING:
    from ..fleet_folder import Folder
    from ..open_folder import OpenFolder

_ENDS = ("rotated", "kept")


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("mote", metavar="ID", help="which mote")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--cable", action="store_true", help="not over the air: the next ironmote provision writes it")
    how.add_argument(
        "--heard",
        type=Number(2, 255, whole=True),
        metavar="GENERATION",
        help="a gateway elsewhere has heard the mote under this one (RootRotated): forget the one before",
    )
    parser.add_argument(
        "--within",
        type=Number(0, 7 * 86_400),
        default=120.0,
        metavar="SECONDS",
        help="how long to wait for the mote to be heard under it, where a gateway runs here (default: 120)",
    )
    fleet_arguments.options(parser, unlocks=True)


def _run(arguments: argparse.Namespace) -> int:
    from ..errors import IronmoteError

    folder, name = fleet_arguments.folder(arguments), arguments.mote
    # It is needed twice, before and after the mote was heard; nobody is asked twice.
    passphrase = functools.cache(fleet_arguments.asker(arguments))
    with folder.unlock(passphrase) as held:
        said, over_the_air = _begin(held, arguments)
        broker = _save(held)
        mote = held.fleet.motes[name]
        wanted = mote.generation + 1
    trouble = ""
    if over_the_air:
        said, done, trouble = _over_the_air(folder, name, wanted, arguments.within)
        if done:
            with folder.unlock(passphrase) as held:
                _finish(held, name, wanted)
                broker = _save(held)
                mote = held.fleet.motes[name]
            _refresh(folder)
    if arguments.json:
        fleet_arguments.print_json(
            {
                "mote": name,
                "generation": mote.generation,
                "rotating": mote.successor is not None,
                "broker": broker,
                "said": trouble or said,
            }
        )
    elif not trouble:
        print(f"{name}: {said}" + (f"; broker: {broker}" if broker else ""))
    if trouble:
        raise IronmoteError(f"{name}: {trouble}")
    return 0


def _begin(held: "OpenFolder", arguments: argparse.Namespace) -> tuple[str, bool]:
    """Do in the key store what was asked for; what to say of it, and whether it is the gateway's turn now."""
    from .. import rotation
    from ..errors import IronmoteError

    name = arguments.mote
    mote = held.fleet.motes.get(name)
    if mote is None:
        raise held.folder.unknown(name)
    if mote.revoked:
        raise IronmoteError(f"{name} was revoked; remove it and add it again, which gives it another key")
    if arguments.cable:
        rotation.replace(mote, held.entry(name).generation)
        held.entry(name).provisioned = None
        said = f"root key {mote.generation} from now on: ironmote provision {name}; until then nobody believes it"
        return said, False
    if arguments.heard is not None:
        if mote.successor is None or arguments.heard != mote.generation + 1:
            raise IronmoteError(
                f"{name} has root key {mote.generation}, and no rotation to {arguments.heard} was begun"
            )
        return _finish(held, name, arguments.heard), False
    if not mote.seals or mote.shares_key:
        raise IronmoteError(
            f"{name} is on {mote.channel or 'no channel yet'}, which takes no root key over the air; "
            f"by cable: ironmote rotate {name} --cable"
        )
    rotation.begin(mote)
    return "", True


def _finish(held: "OpenFolder", name: str, generation: int) -> str:
    from .. import rotation

    mote = held.fleet.motes[name]
    rotation.finish(mote, generation)
    return f"root key {mote.generation}; the one before is forgotten"


def _save(held: "OpenFolder") -> str:
    """Save the fleet and have its broker know; says what became of that."""
    from ..brokers import written

    held.save()
    return written.renew(held)


def _over_the_air(folder: "Folder", name: str, wanted: int, within_s: float) -> tuple[str, bool, str]:
    """Have the gateway hand the key on, and wait; what to say, whether it is done, and what went wrong."""
    from ..gateway.owner_line import NoGateway, OwnerLine
    from ..gateway_told import Hearing
    from ..progress import Progress

    good = f"both root keys are good until it was heard under {wanted}"
    try:
        with Hearing(folder.paths) as hearing, Progress() as progress:
            owner = OwnerLine(folder.paths.line)
            owner.refresh()
            if any(each["id"] == name and each["generation"] >= wanted for each in owner.overview()):
                return f"heard under root key {wanted}; the one before is forgotten", True, ""
            owner.rotate(name)
            progress.phase(f"waiting for {name} to be heard under root key {wanted}; Ctrl-C leaves that to the gateway")
            line = hearing.wait(
                lambda line: line.get("mote") == name and line["event"] in ("rotated", "kept"), within_s
            )
    except NoGateway as error:
        return f"{good}; {error}, and the same command again ends it", False, ""
    if line is None:
        return f"{good}, which the gateway sees to; the same command again ends it", False, ""
    if line["event"] == "kept":
        return "", False, f"keeps its root key: {line['why']}"
    return f"heard under root key {wanted}; the one before is forgotten", True, ""


def _refresh(folder: "Folder") -> None:
    from .. import gateway_told

    gateway_told.tell(folder.paths)


COMMAND = Command(
    "rotate",
    "give a mote another root key: over the air where it seals, or by cable; heals no theft, which revoke does",
    (
        ("ironmote rotate cellar", "over the air, by the gateway that runs; the same again goes on where it was"),
        ("ironmote rotate cellar --heard 2", "a gateway elsewhere has heard it under the new key"),
        ("ironmote rotate cellar --cable", "the next ironmote provision writes it"),
    ),
    _options,
    _run,
)
