"""ironmote history: what was stored of the fleet."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import fleet_arguments
from ..arguments import Duration, Number
from . import Command

if TYPE_CHECKING:
    from ..history import History

_LONGEST_S = 100 * 365 * 86_400
_DAY_S = 86_400


def _options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("mote", nargs="?", metavar="MOTE", help="which mote (default: all)")
    add("name", nargs="?", metavar="NAME", help="which of its readings, over time")
    add("--since", type=Duration(_LONGEST_S), metavar="TIME", help="the last 90s, 10m, 2h, 7d (default: 24h)")
    add("--rows", type=Number(1, 10_000, whole=True), default=24, help="of one reading over time (default: 24)")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--commands", action="store_true", help="what was asked of a mote, and what came of it")
    which.add_argument("--states", action="store_true", help="what a mote said of itself")
    which.add_argument("--refused", action="store_true", help="what was not believed under a mote's name")
    which.add_argument("--export", type=Path, metavar="FILE", help="write all readings to FILE.csv or FILE.parquet")
    fleet_arguments.options(parser)


def _run(arguments: argparse.Namespace) -> int:
    import time
    from dataclasses import asdict

    from ..errors import UsageError
    from ..history import History, view
    from ..history.place import store_of
    from ..nearest import nearest

    folder, mote, name = fleet_arguments.folder(arguments), arguments.mote, arguments.name
    of_one = arguments.commands or arguments.states or arguments.refused
    if of_one and mote is None:
        option = "commands" if arguments.commands else "states" if arguments.states else "refused"
        raise UsageError(f"history: of which mote? ironmote history MOTE --{option}")
    if name is not None and (of_one or arguments.export):
        raise UsageError("history: one reading is shown over time; leave it out, or leave the option out")
    with History(store_of(folder)) as history:
        known = history.motes()
        if mote is not None and mote not in known and not folder.has(mote):
            raise folder.unknown(mote)
        until = time.time()
        if arguments.export:
            return _export(history, arguments, until)
        since = until - (arguments.since or _DAY_S)
        found: list[Any]
        if arguments.commands:
            table = view.commands(found := history.commands(mote, since))
        elif arguments.states:
            table = view.statuses(found := history.statuses(mote, since))
        elif arguments.refused:
            table = view.refusals(found := history.refusals(mote, since))
        elif name is not None:
            names = [each.name for each in history.latest(mote)]
            if name not in names:
                words = nearest(name, names) or (
                    f"; it has {', '.join(names)}" if names else "; nothing is stored of it"
                )
                raise UsageError(f"history: {mote} has no reading {name!r}{words}")
            found, table = view.over_time(history, mote, name, since, until, arguments.rows)
        else:
            found, table = view.latest(history, known if mote is None else [mote], since, until)
    if arguments.json:
        fleet_arguments.print_json([each if isinstance(each, dict) else asdict(each) for each in found])
    elif table[1]:
        fleet_arguments.print_table(*table)
    else:
        print("nothing is stored of that time")
    return 0


def _export(history: "History", arguments: argparse.Namespace, until: float) -> int:
    from ..history.export import check_name, export
    from ..progress import Progress

    since = until - arguments.since if arguments.since else 0.0
    check_name(arguments.export)
    with Progress() as progress:
        progress.phase(f"writing {arguments.export.name}")
        count = export(history, arguments.export, arguments.mote, since, progress.step)
    if arguments.json:
        fleet_arguments.print_json({"file": str(arguments.export), "readings": count})
    else:
        print(f"{count:,} readings in {arguments.export}")
    return 0


COMMAND = Command(
    "history",
    "show what the gateway has stored: values over time, commands, states, refusals; export it",
    (
        ("ironmote history", "the last value of everything, and how it was in a day"),
        ("ironmote history cellar", "of one mote"),
        ("ironmote history cellar temperature --since 7d", "one reading over a week: lowest, mean, highest"),
        ("ironmote history cellar --commands --since 30d --json", "what was asked of it, and what came of it"),
        ("ironmote history --export fleet.parquet", "every reading that is stored, for other programs"),
    ),
    _options,
    _run,
)
