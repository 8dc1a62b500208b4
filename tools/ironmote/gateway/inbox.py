"""What waits for the gateway's worker: what its zones deliver, and what its owner wants of it."""

import contextlib
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from . import reasons
from .downlink import Order
from .events import MessageRefused
from .intake import Delivery
from .members import Member, Successor
from .resume import Arrival
from .room import Room
from .uplink import Message
from .zone import AnyReceipt, AnyZone

TICK_S = 0.25
_BATCH = 256
_WAITING = 4096  # deliveries of a zone that wait for the worker; then that zone stops reading


@dataclass(frozen=True)
class Change:
    """What the owner changes while the gateway runs: a new root key, or, where there is no successor, none at all."""

    mote: str
    successor: Successor | None


@dataclass(frozen=True)
class Roll:
    """Whom the owner's fleet has now; `taken` is set once they are served."""

    members: tuple[Member, ...]
    taken: threading.Event


Item: TypeAlias = Arrival | Order | Change | Roll | None  # None: it is time to end


class Inbox:
    """Any thread puts in, the worker takes out. `claimed` gives the mote that a message's topic claims, or None."""

    def __init__(self, claimed: Callable[[Message], str | None]) -> None:
        self._claimed = claimed
        self._queue: queue.SimpleQueue[Item] = queue.SimpleQueue()
        # Only deliveries wait for room: who sends a command may be on the worker itself, which makes the room. Each
        # zone has its own, so that no broker can keep the others from being heard.
        self._room: dict[AnyZone, Room] = {}
        self._closed = threading.Event()
        self._careless: Counter[tuple[str, str | None]] = Counter()
        self._careless_lock = threading.Lock()

    def open(self, zones: Iterable[AnyZone]) -> None:
        """Have room for `zones`, before any of them is started."""
        self._room = {zone: Room(_WAITING) for zone in zones}

    def close(self) -> None:
        """Nothing is taken any more: who waits for room goes away."""
        self._closed.set()

    def arrived(self, zone: AnyZone, message: Message, receipt: AnyReceipt) -> None:
        """Put in a delivery; returns when there was room for it."""
        if receipt.qos == 0:  # motes never do; no broker slows down who does, so none of it may wait here
            with self._careless_lock:
                self._careless[message.zone, self._claimed(message)] += 1
            return
        delivery = Arrival(zone, receipt, Delivery(message, time.time()))
        while not self._room[zone].take(TICK_S):
            if self._closed.is_set():
                return  # not acknowledged, so it comes again
        self._queue.put(delivery)

    def put(self, item: Item) -> None:
        """Put in anything else; it never waits."""
        self._queue.put(item)

    def take(self) -> list[Item]:
        """At most a batch of what is there; nothing where nothing comes in a tick."""
        items: list[Item] = []
        with contextlib.suppress(queue.Empty):
            items.append(self._queue.get(timeout=TICK_S))
            while len(items) < _BATCH:
                items.append(self._queue.get_nowait())
        return items

    def give(self, zone: AnyZone, places: int) -> None:
        """So many deliveries of `zone` wait no longer."""
        self._room[zone].give(places)

    def careless(self) -> list[tuple[float, MessageRefused]]:
        """What was sent at QoS 0 since this was asked last, as refusals."""
        with self._careless_lock:
            counts, self._careless = self._careless, Counter()
        now = time.time()
        return [
            (now, MessageRefused(mote, zone, "sent at QoS 0, which no mote does", False, times, reasons.STRAY))
            for (zone, mote), times in counts.items()
        ]

    @property
    def waiting(self) -> int:
        """How many wait."""
        return self._queue.qsize()
