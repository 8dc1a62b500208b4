"""ironmote send: switch what hangs on a mote, and see what it says to that."""

import argparse
import math
from typing import TYPE_CHECKING, Any

from .. import fleet_arguments
from ..arguments import Duration
from ..errors import IronmoteError
from ..nearest import nearest
from . import Command

if TYPE_CHECKING:
    from ..fleet_folder import Folder

_LONGEST_S = 604_800
_WORDS: dict[str, bool] = {"on": True, "true": True, "off": False, "false": False}


def value(text: str) -> bool | int | float | str:
    """What an actuator is told: on, off, a number, or a word such as auto. Raises ArgumentTypeError."""
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    for kind in (int, float):
        try:
            found = kind(text)
        except ValueError:
            continue
        if not math.isfinite(found):
            raise argparse.ArgumentTypeError(f"{text!r} is none of on, off, auto or a number")
        return found
    return text


def _options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("mote", metavar="MOTE", help="which mote")
    add("name", metavar="NAME", help="which of its actuators")
    add("value", type=value, metavar="VALUE", help="on, off, a number, or auto: what its rule says, or else safe")
    add(
        "--for",
        dest="for_s",
        type=Duration(_LONGEST_S),
        metavar="TIME",
        help="how long that holds: 90s, 10m, 2h (default: its settings)",
    )
    add(
        "--within",
        type=Duration(_LONGEST_S),
        default=20,
        metavar="TIME",
        help="how long to wait for the mote; give one that sleeps the time that it sleeps (default: 20s)",
    )
    fleet_arguments.options(parser)


def _run(arguments: argparse.Namespace) -> int:
    from ..errors import IronmoteError
    from ..gateway.owner_line import OwnerLine
    from ..plain import plain

    folder, name = fleet_arguments.folder(arguments), arguments.mote
    if not folder.has(name):
        raise folder.unknown(name)
    if folder.entry(name).channel is None:
        raise IronmoteError(f"{name} was never on a board; ironmote provision {name} puts it onto one")
    line = OwnerLine(folder.paths.line)
    outcome = line.send(name, arguments.name, arguments.value, arguments.within, arguments.for_s)
    if arguments.json:
        fleet_arguments.print_json(outcome)
    else:
        print(plain(_words(arguments, outcome, folder)))
    return 0 if outcome["result"] == "done" else 1


_SAYS = {
    "done": "did it",
    "refused": "refuses",
    "expired": "did not do it",
    "unknown": "did not answer; whether it did it is not known",
}
_NO_ANSWER = "no answer"  # as a reason: it is what "unknown" says


def _words(arguments: argparse.Namespace, outcome: dict[str, Any], folder: "Folder") -> str:
    """The outcome as a line. What hangs on the mote is as its file has it."""
    mote, name, value, why = arguments.mote, arguments.name, outcome["value"], outcome["why"]
    try:
        kinds = {each["name"]: each["kind"] for each in folder.mote_file(mote).fields.get("actuators") or ()}
    except IronmoteError:  # it may be half edited; the mote has answered all the same
        kinds = {}
    said = _SAYS.get(outcome["result"], outcome["result"])
    if outcome["result"] == "expired" and not why:
        said += " in time"
    if value is not None:
        switch = kinds.get(name) == "relay" or isinstance(arguments.value, bool)
        said += f": {name} is {_shown(value, switch)}"
    if why and why != _NO_ANSWER:
        said += f", {why}"
    if outcome["result"] == "refused" and kinds and name not in kinds:
        said += nearest(name, kinds) or f"; it has {', '.join(kinds)}"
    return f"{mote} {said}  ({outcome['ms']:.0f} ms)"


def _shown(found: object, switch: bool) -> str:
    """An actuator's state: of a switch in words."""
    if switch and found in (0, 1):
        return "on" if found else "off"
    return f"{found:g}" if isinstance(found, int | float) else str(found)


COMMAND = Command(
    "send",
    "switch what hangs on a mote, and wait for what the mote says; status 0 only where it did it",
    (
        ("ironmote send cellar relay on", "the answer is the state that the mote says its relay has"),
        ("ironmote send cellar dimmer 40 --for 10m", "for ten minutes, then its rule or its safe state"),
        ("ironmote send cellar relay auto", "its rule decides again"),
        ("ironmote send well pump on --within 15m", "a mote that sleeps for a quarter of an hour"),
    ),
    _options,
    _run,
)
