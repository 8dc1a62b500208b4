"""ironmote send: switch what hangs on a mote, and see what it says to that."""

import argparse

from .. import fleet_arguments
from ..arguments import Duration, Number
from . import Command

_LONGEST_S = 604_800
_WORDS: dict[str, bool] = {"on": True, "true": True, "off": False, "false": False}


def value(text: str) -> bool | int | float | str:
    """What an actuator is told: on, off, a number, or a word such as auto."""
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
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
        type=Number(1, _LONGEST_S),
        default=20.0,
        metavar="SECONDS",
        help="how long to wait for the mote; give one that sleeps the time that it sleeps (default: 20)",
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
    done = outcome["result"] == "done"
    if arguments.json:
        fleet_arguments.print_json(outcome)
    else:
        said = "" if outcome["value"] is None else f": {arguments.name} is {_shown(outcome['value'], arguments.value)}"
        why = f", {outcome['why']}" if outcome["why"] else ""
        print(plain(f"{name} {_SAYS.get(outcome['result'], outcome['result'])}{said}{why}  ({outcome['ms']:.0f} ms)"))
    return 0 if done else 1


_SAYS = {
    "done": "did it",
    "refused": "refuses",
    "expired": "did not do it in time",
    "unknown": "did not answer; whether it did it is not known",
}


def _shown(found: object, asked: object) -> str:
    """An actuator's state: in the words in which it was asked for."""
    if isinstance(asked, bool) and found in (0, 1):
        return "on" if found else "off"
    return f"{found:g}" if isinstance(found, int | float) else str(found)


COMMAND = Command(
    "send",
    "switch what hangs on a mote, and wait for what the mote says; status 0 only where it did it",
    (
        ("ironmote send cellar relay on", "the answer is the state that the mote says its relay has"),
        ("ironmote send cellar dimmer 40 --for 10m", "for ten minutes, then its rule or its safe state"),
        ("ironmote send cellar relay auto", "its rule decides again"),
        ("ironmote send well pump on --within 900", "a mote that sleeps for a quarter of an hour"),
    ),
    _options,
    _run,
)
