"""For programs of the trusted side: verified readings as they come, and commands with their answers.

    from ironmote.client import Client

    with Client("broker.home", certificates="/etc/dashboard", user="dashboard") as fleet:
        print(fleet.send("cellar", "relay", True))
        for reading in fleet.readings():
            print(reading)

`ironmote.client.aio` is the same for asyncio. docs/CLIENTS.md has more.

    ClientError
    ├── NotConnected      the broker cannot be reached, or does not let this user in
    └── CommandRefused    no mote could take such a command; nothing was sent
"""

from .client import Client
from .errors import ClientError, CommandRefused, NotConnected
from .messages import Outcome, Reading, Status

__all__ = ["Client", "ClientError", "CommandRefused", "NotConnected", "Outcome", "Reading", "Status"]
