"""Prints what the motes of a fleet measure, as it comes: python examples/subscriber.py BROKER FOLDER USER [MOTE…]

FOLDER is what `ironmote certificate USER --to FOLDER` wrote; USER has a role in fleet.toml that may read, such as
monitor. --port, --server-name: where the broker is not at 8883, or has another name in its certificate.
"""

import argparse
import time

from ironmote.client import Client, ClientError

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("broker")
parser.add_argument("folder")
parser.add_argument("user")
parser.add_argument("motes", nargs="*")
parser.add_argument("--port", type=int, default=8883)
parser.add_argument("--server-name")
given = parser.parse_args()

try:
    with Client(
        given.broker, given.port, certificates=given.folder, user=given.user, server_name=given.server_name
    ) as fleet:
        for reading in fleet.readings(*given.motes):
            taken = time.strftime("%H:%M:%S", time.localtime(reading.time))
            print(taken, reading.mote, reading.name, reading.value, reading.unit or "", flush=True)
except ClientError as error:
    raise SystemExit(str(error)) from None
except KeyboardInterrupt:
    pass
