"""ironmote alerts: what the owner of a fleet should look at."""

import argparse
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .. import fleet_arguments
from ..arguments import Duration
from . import Command

if TYPE_CHECKING:
    from ..alerts.source import Source

_YEAR_S = 365 * 86_400
_COLUMNS = ("id", "severity", "mote", "kind", "since", "times", "now", "what")


def _options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--since", type=Duration(_YEAR_S), metavar="TIME", help="those too that are over, of the last 2h, 7d …")
    add("--follow", action="store_true", help="then show what changes, until Ctrl-C; a gateway has to run")
    add("--acknowledge", metavar="ID", help="note that you have seen this one")
    add("--release", metavar="MOTE", help="take this mote out of quarantine")
    fleet_arguments.options(parser)


def _run(arguments: argparse.Namespace) -> int:
    from ..alerts.source import Source
    from ..errors import IronmoteError

    folder = fleet_arguments.folder(arguments)
    source = Source(folder)
    if arguments.release is not None:
        if not folder.has(arguments.release):
            raise folder.unknown(arguments.release)
        if not source.release(arguments.release):
            raise IronmoteError(f"{arguments.release} is not in quarantine")
        print(f"{arguments.release} is out of quarantine")
    elif arguments.acknowledge is not None:
        _show([source.acknowledge(arguments.acknowledge)], arguments.json)
    elif arguments.follow:
        return _follow(source, arguments)
    else:
        _show(source.alerts(_since(arguments)), arguments.json)
    return 0


def _since(arguments: argparse.Namespace) -> float | None:
    return None if arguments.since is None else time.time() - arguments.since


def _show(lines: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        fleet_arguments.print_json(lines)
    elif not lines:
        print("no alerts")
    else:
        fleet_arguments.print_table(_COLUMNS, [_row(line) for line in lines])
        advice = dict(_advice(lines))
        print()
        fleet_arguments.print_table(("", ""), list(advice.items()))


def _row(line: dict[str, Any]) -> list[str]:
    since = time.strftime("%Y-%m-%d %H:%M", time.localtime(line["first"]))
    times = str(line["count"]) if line["count"] > 1 else ""
    return [line["id"], line["severity"], line["mote"] or "–", line["kind"], since, times, _state(line), line["text"]]


def _state(line: dict[str, Any]) -> str:
    if line["over"] is not None:
        return f"over {time.strftime('%H:%M', time.localtime(line['over']))}"
    done = [word for word in line["done"] if word in ("quarantine", "revoke")]
    return ", ".join(["seen" if line["acknowledged"] is not None else "new", *done])


def _advice(lines: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    from ..alerts.kinds import KINDS

    for line in lines:
        if line["over"] is None and line["kind"] in KINDS:
            yield line["kind"], KINDS[line["kind"]].advice


def _follow(source: "Source", arguments: argparse.Namespace) -> int:
    import json
    import queue

    from rich.console import Console

    from .. import interrupts
    from ..errors import IronmoteError
    from ..gateway.owner_line import GONE
    from ..line_words import LineWords

    lines: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    end = source.line.follow(lines.put)
    try:
        for line in reversed(source.alerts(_since(arguments))):
            lines.put(line)
        words, console = LineWords(), Console(highlight=False)
        while True:
            interrupts.check()
            try:
                line = lines.get(timeout=0.25)
            except queue.Empty:
                continue
            if line["event"] == GONE:
                raise IronmoteError(f"{line['why']}; ironmote gateway starts it")
            if line["event"] != "alert":
                continue
            if arguments.json:
                print(json.dumps(line), flush=True)
            else:
                for text in words.of(line):
                    console.print(text, soft_wrap=True)
    finally:
        end()


COMMAND = Command(
    "alerts",
    "show what the owner of the fleet should look at: attacks, silence, faults, what is unusual",
    (
        ("ironmote alerts", "those that last, and what to do about them"),
        ("ironmote alerts --since 7d", "those of a week that are over, too"),
        ("ironmote alerts --follow", "and then each as it begins, changes and ends"),
        ("ironmote alerts --acknowledge 5f0c21aa", "you have seen it; no more is sent about it unless it gets worse"),
    ),
    _options,
    _run,
)
