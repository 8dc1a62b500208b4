"""What the gateway tells whoever listens. Every value in an event was verified, except where it says otherwise."""

from dataclasses import dataclass
from typing import TypeAlias

from mote.record import Reading

from .reasons import FORGED
from .state import State

Value: TypeAlias = float | int | bool | str | None


@dataclass(slots=True)  # frozen it would be six times as dear, and nearly each message makes one
class RecordSeen:
    """A record that was not there before. Times are seconds since 1970; `taken` is None where the mote has no clock.

    Its identity is mote, generation, boot and number; `sequence` and `epoch`, the boot counter of the epoch, are those
    of the message that it came in, and None where that was not sealed.
    """

    mote: str
    channel: str
    boot: int
    number: int
    taken: float | None
    arrived: float
    readings: tuple[Reading, ...]
    confirmed: bool = True  # False: sealed, and the mote had not yet answered a challenge: it may be a recording
    generation: int = 0
    zone: str = ""  # the zone that it came from
    sequence: int | None = None
    epoch: int | None = None
    size: int = 0  # bytes of the message


@dataclass(frozen=True, slots=True)
class StateSeen:
    """What a mote says of itself; `online` is False where this was its will."""

    mote: str
    state: State
    confirmed: bool = True  # as in RecordSeen


@dataclass(frozen=True, slots=True)
class CommandEnded:
    """The outcome of a command. `result` is "done", "refused" or "expired" as the mote answered, else "unknown".

    `value` is the state that the mote says its actuator has; `ms` is the time from sending to the answer; `id` is what
    `Gateway.send` gave.
    """

    mote: str
    name: str
    result: str
    value: Value
    why: str | None
    ms: float
    id: bytes = b""


@dataclass(frozen=True, slots=True)
class MessageRefused:
    """A message that was not believed. `mote` is only what its topic claims, None where that is no mote of ours.

    `alert` is true where the owner should look: it verified, and yet cannot be right, or came by a lesser channel.
    `kind` is one of `reasons`.
    """

    mote: str | None
    zone: str
    why: str
    alert: bool
    times: int = 1  # how many messages this stands for; in a flood only the first of a second are told one by one
    kind: str = FORGED


@dataclass(frozen=True, slots=True)
class RecordsSkipped:
    """A record was stored whose number is so far above `after` that what is between does not count as lost.

    The owner should look: either the mote's numbers are wrong, or most of what it said never came here.
    """

    mote: str
    boot: int
    after: int  # the highest number of this boot so far, 0 where there was none
    number: int


@dataclass(frozen=True, slots=True)
class RecordsMayBeMissing:
    """A mote began boot `until` and does not know how many records it had taken before, as after a power cut.

    What it took after number `after` of `boot`, and in boots between that one and `until`, and what did not come here,
    is lost without a gap in the numbers. Records that waited in its flash may come still.
    """

    mote: str
    boot: int
    after: int  # the highest number of `boot` that is here or, says the mote, in its flash
    until: int


@dataclass(frozen=True, slots=True)
class MoteConfirmed:
    """A sealed mote has answered a challenge in `boot`: what comes from here on is no recording of earlier times."""

    mote: str
    boot: int


@dataclass(frozen=True, slots=True)
class RootRotated:
    """A mote was heard under a root key of `generation`, and the one before it is refused."""

    mote: str
    generation: int


@dataclass(frozen=True, slots=True)
class RootKept:
    """A mote refuses the root key of `generation` that it was given, for the reason `why`, and keeps the one it has."""

    mote: str
    generation: int
    why: str


@dataclass(frozen=True, slots=True)
class MoteRevoked:
    """From here on nothing of this mote is believed until it has been provisioned with another root key."""

    mote: str


Event: TypeAlias = (
    RecordSeen
    | StateSeen
    | CommandEnded
    | MessageRefused
    | RecordsSkipped
    | RecordsMayBeMissing
    | MoteConfirmed
    | RootRotated
    | RootKept
    | MoteRevoked
)
