"""The last messages of each mote as they went over its link, for whoever wants to see what others could see of them.

Only what verified is kept, and what was sent to motes, so no stranger can push it out. A few messages of the motes that
were heard last: memory is bounded, however many motes there are.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

Direction = Literal["up", "down"]
EACH = 6  # messages of a mote
MOTES = 512


@dataclass(frozen=True, slots=True)
class Wired:
    """One message. `arrived` is in seconds since 1970; for one that was sent it is when that was.

    `transport` is what the mote's own link has around it; `record` are boot and number of the record inside, if it is
    one.
    """

    direction: Direction
    zone: str
    transport: Literal["tcp", "tls"]
    topic: str
    payload: bytes = field(repr=False)
    arrived: float
    record: tuple[int, int] | None = None

    def to_json(self) -> dict[str, Any]:
        """As the owner's line has it."""
        return {
            "direction": self.direction,
            "zone": self.zone,
            "transport": self.transport,
            "topic": self.topic,
            "payload": self.payload.hex(),
            "arrived": round(self.arrived, 3),
            "record": None if self.record is None else list(self.record),
        }


class WireTap:
    """Kept by the gateway's worker, read by any thread."""

    def __init__(self, each: int = EACH, motes: int = MOTES) -> None:
        self._each = each
        self._most = motes
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, deque[Callable[[], Wired]]] = OrderedDict()

    def keep(self, mote: str, wired: Callable[[], Wired]) -> None:
        """Remember a message of `mote`, or to it; it is made of `wired` when somebody asks, which is seldom."""
        with self._lock:
            kept = self._kept.get(mote)
            if kept is None:
                kept = self._kept[mote] = deque(maxlen=self._each)
                if len(self._kept) > self._most:
                    self._kept.popitem(last=False)
            else:
                self._kept.move_to_end(mote)
            kept.append(wired)

    def seen(self, mote: str) -> list[Wired]:
        """The last messages of `mote`, newest last."""
        with self._lock:
            kept = list(self._kept.get(mote, ()))
        return [wired() for wired in kept]


def transport(channel: str) -> Literal["tcp", "tls"]:
    """What is around the messages of a mote on `channel`, on its own link."""
    return "tls" if channel.startswith("tls") else "tcp"
