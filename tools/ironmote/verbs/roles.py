"""ironmote roles: who may publish and subscribe what."""

import argparse
from dataclasses import asdict

from .. import fleet_arguments
from . import Command


def _options(parser: argparse.ArgumentParser) -> None:
    fleet_arguments.options(parser)


def _run(arguments: argparse.Namespace) -> int:
    from .. import roles

    folder = fleet_arguments.folder(arguments)
    every = [*roles.BUILT_IN.values(), *folder.file.roles.values()]
    users = {role.name: [name for name, has in folder.file.users.items() if has == role] for role in every}
    if arguments.json:
        fleet_arguments.print_json([asdict(role) | {"users": users[role.name]} for role in every])
        return 0
    rows = []
    for role in every:
        names = {"sensor": "each mote", "gateway": "gateways"}.get(role.name, ", ".join(users[role.name]))
        grants = [("publish", topic) for topic in role.publish] + [("subscribe", topic) for topic in role.subscribe]
        for number, (operation, topic) in enumerate(grants or [("nothing", "")]):
            first = number == 0
            rows.append((role.name if first else "", operation, topic, str(role.qos), names if first else ""))
    fleet_arguments.print_table(("role", "may", "topic", "QoS", "who"), rows)
    return 0


COMMAND = Command(
    "roles",
    "show who may publish and subscribe which topics: the roles there are, and those of fleet.toml",
    (
        ("ironmote roles", "a line a right; what is not listed is refused"),
        ("ironmote roles --json", "for a script"),
    ),
    _options,
    _run,
)
