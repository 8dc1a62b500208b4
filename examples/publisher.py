"""Sets an actuator and prints what its mote answers: python examples/publisher.py BROKER FOLDER USER MOTE NAME VALUE

    python examples/publisher.py broker.home /etc/panel panel cellar relay true

FOLDER is what `ironmote certificate USER --to FOLDER` wrote; USER has a role in fleet.toml that may command, such as
controller. The exit status is 0 only where the mote says that it is done.
"""

import argparse
import json

from ironmote.client import Client, ClientError


def value(text: str) -> bool | int | float | str:
    """true, false, a number; anything else is a word such as auto."""
    try:
        return json.loads(text)
    except ValueError:
        return text


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("broker")
parser.add_argument("folder")
parser.add_argument("user")
parser.add_argument("mote")
parser.add_argument("name")
parser.add_argument("value", type=value, help="true, false, a number, or auto")
parser.add_argument("--port", type=int, default=8883)
parser.add_argument("--server-name")
given = parser.parse_args()

try:
    with Client(
        given.broker, given.port, certificates=given.folder, user=given.user, server_name=given.server_name
    ) as fleet:
        outcome = fleet.send(given.mote, given.name, given.value)
except ClientError as error:
    raise SystemExit(str(error)) from None
except KeyboardInterrupt:
    raise SystemExit(130) from None
print(outcome.result, outcome.value if outcome.done else outcome.why)
raise SystemExit(0 if outcome.done else 1)
