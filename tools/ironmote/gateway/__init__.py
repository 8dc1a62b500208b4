"""The gateway: verifies what motes say, opens it, stores it once, hands it on, and sends commands back.

A listener is told each event once, in order, after the store has it and the broker was told so. An exception that it
raises is logged, with the kind of the event and its mote, and the next event follows: nothing is told again, and
nothing is lost but to that listener, who finds every record in the store. It is called on the gateway's only worker:
while it waits, nothing is verified.
"""

from .events import (
    CommandEnded,
    Event,
    MessageRefused,
    MoteConfirmed,
    MoteRevoked,
    RecordSeen,
    RecordsMayBeMissing,
    RecordsSkipped,
    RootKept,
    RootRotated,
    StateSeen,
)
from .gateway import Gateway
from .members import Member, Successor

__all__ = [
    "CommandEnded",
    "Event",
    "Gateway",
    "Member",
    "MessageRefused",
    "MoteConfirmed",
    "MoteRevoked",
    "RecordSeen",
    "RecordsMayBeMissing",
    "RecordsSkipped",
    "RootKept",
    "RootRotated",
    "StateSeen",
    "Successor",
]
