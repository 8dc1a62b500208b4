"""ironmote gateway: hear the fleet, verify what it says, and store it."""

import argparse

from .. import fleet_arguments
from . import Command

_LINES = 10_000  # that wait to be printed
_TURN_S = 0.25


def _options(parser: argparse.ArgumentParser) -> None:
    fleet_arguments.options(parser)


def _run(arguments: argparse.Namespace) -> int:
    import contextlib
    import json
    import logging
    import queue
    import sys
    import time

    from .. import interrupts
    from ..gateway.service import Service
    from ..plain import plain

    folder = fleet_arguments.folder(arguments)
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(message)s", level=logging.WARNING)
    # Lines are printed here and not where they are told: whoever reads them slowly misses some, and delays nothing.
    lines: queue.Queue[dict[str, object]] = queue.Queue(_LINES)

    def put(line: dict[str, object]) -> None:
        with contextlib.suppress(queue.Full):
            lines.put_nowait(line)

    def say(words: str, **fields: object) -> None:
        if arguments.json:
            put(fields)
        else:
            print(plain(words), flush=True)

    def on_zone(zone: str, trouble: str) -> None:
        words = f"zone {zone}: {trouble}; trying again" if trouble else f"zone {zone}: heard"
        say(words, event="zone", zone=zone, connected=not trouble, why=trouble)

    with Service(folder) as service:
        zones, motes = [access.zone for access in service.accesses], len(service.roster.entries)
        where = folder.paths.history if service.settings.store is None else "the database that its settings name"
        words = f"{folder.file.name}: zones {', '.join(zones)}; motes: {motes}; stored in {where}; Ctrl-C ends it"
        say(words, event="gateway", fleet=folder.file.name, motes=motes, zones=zones)
        for words in service.settings.rules.strangers(service.roster.entries):
            words = f"{folder.paths.gateway_settings}: {words}"
            say(words, event="note", text=words)
        if arguments.json:
            service.owner.follow(put)
        for _ in service.turns(on_zone, lambda words: say(words, event="note", text=words)):
            interrupts.check()
            until = time.monotonic() + _TURN_S
            while (left := until - time.monotonic()) > 0:
                with contextlib.suppress(queue.Empty):
                    print(json.dumps(lines.get(timeout=left)), flush=True)
    return 0


COMMAND = Command(
    "gateway",
    "hear the fleet, verify what it says and store it, until Ctrl-C; needs no passphrase",
    (
        ("ironmote gateway", "of the fleet in the nearest folder upward, at the broker that was written"),
        ("ironmote gateway --json", "a line for each thing that happens"),
    ),
    _options,
    _run,
)
