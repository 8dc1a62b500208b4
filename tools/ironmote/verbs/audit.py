"""ironmote audit: how the fleet stands against ETSI EN 303 645."""

import argparse

from .. import fleet_arguments
from . import Command


def _options(parser: argparse.ArgumentParser) -> None:
    fleet_arguments.options(parser, unlocks=True)


def _run(arguments: argparse.Namespace) -> int:
    from dataclasses import asdict

    from .. import audit

    folder = fleet_arguments.folder(arguments)
    with folder.unlock(fleet_arguments.asker(arguments)) as held:
        rows = audit.audit(held)
    if arguments.json:
        fleet_arguments.print_json([asdict(row) for row in rows])
    else:
        columns = ("provision", "wants", "state", "evidence")
        fleet_arguments.print_table(columns, [(row.provision, row.wants, row.state, row.evidence) for row in rows])
    return 1 if any(row.state == audit.NOT_MET for row in rows) else 0


COMMAND = Command(
    "audit",
    "show how the fleet stands against provisions of ETSI EN 303 645, by what is in its folder",
    (
        ("ironmote audit", "a table; status 1 where something is not met"),
        ("ironmote audit --json", "the same for a script"),
    ),
    _options,
    _run,
)
