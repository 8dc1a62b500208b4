"""The last messages of each mote as they went over its link, for whoever wants to see what others could see of them.

Only what verified is kept, and what was sent to motes, so no stranger can push it out. A few messages of the motes that
were heard last: memory is bounded, however many motes there are.
"""

import threading
from collections import OrderedDict, deque
from typing import Any, Literal, NamedTuple

Direction = Literal["up", "down"]
EACH = 6  # messages of a mote
MOTES = 512


class Wired(NamedTuple):
    """One message. `arrived` is in seconds since 1970; for one that was sent it is when that was.

    `channel` is the mote's; `record` are boot and number of the record inside, if it is one.
    """

    direction: Direction
    zone: str
    channel: str
    topic: str
    payload: bytes
    arrived: float
    record: tuple[int, int] | None = None

    def to_json(self) -> dict[str, Any]:
        """As the owner's line has it; `transport` is what the mote's own link has around it."""
        return {
            "direction": self.direction,
            "zone": self.zone,
            "transport": "tls" if self.channel.startswith("tls") else "tcp",
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
        self._kept: OrderedDict[str, deque[Wired]] = OrderedDict()

    def keep(self, mote: str, wired: Wired) -> None:
        """Remember a message of `mote`, or to it."""
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
            return list(self._kept.get(mote, ()))
