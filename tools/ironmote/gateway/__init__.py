"""The gateway: verifies what motes say, opens it, stores it once, hands it on, and sends commands back."""

from .events import (
    CommandEnded,
    Event,
    MessageRefused,
    MoteConfirmed,
    MoteRevoked,
    RecordSeen,
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
    "RecordsSkipped",
    "RootKept",
    "RootRotated",
    "StateSeen",
    "Successor",
]
