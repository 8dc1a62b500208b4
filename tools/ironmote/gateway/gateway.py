"""The wiring: zones deliver, one worker verifies and stores in batches, and only then acknowledges.

    zones ──► queue ──► worker: verify → one transaction → acknowledge → events
                          └──► commands → zones

The worker owns the store and all trust; nothing else touches them.
"""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from mote import command, record, topics

from ..brokers import GatewayAccess
from ..errors import IronmoteError
from .downlink import Downlink
from .events import CommandEnded, Event, MessageRefused, RecordSeen, StateSeen, Value
from .members import Member
from .state import State
from .store import Store
from .trust import MoteTrust
from .uplink import AlreadyTaken, Message, NotBelieved, Uplink, Verified
from .zone import Receipt, Zone

_BATCH = 256
_TICK_S = 0.25


@dataclass(frozen=True)
class _Delivery:
    zone: Zone
    message: Message
    receipt: Receipt
    arrived: float


@dataclass(frozen=True)
class _Order:
    mote: str
    name: str
    value: Value
    within_s: float


class Gateway:
    """Serves `members` in the zones of `accesses`. `on_event` is called on the worker's thread, in order."""

    def __init__(
        self,
        fleet_id: bytes,
        members: Iterable[Member],
        accesses: Iterable[GatewayAccess],
        store: Path,
        on_event: Callable[[Event], None],
    ) -> None:
        """Open the store. Raises IronmoteError where that fails."""
        members = list(members)
        self._members = {member.id: member for member in members}
        self._on_event = on_event
        self._store = Store(store)
        self._trusts = {
            member.id: MoteTrust(member.id, member.generation, member.seal_key, fleet_id, self._store.epochs(member.id))
            for member in members
            if member.seal_key is not None
        }
        accesses = list(accesses)
        self._uplink = Uplink(members, self._trusts, [(access.zone, access.prefix) for access in accesses])
        self._downlink = Downlink(members, self._trusts, self._store, self._publish)
        self._zones = [Zone(access, self._arrived) for access in accesses]
        self._queue: queue.Queue[_Delivery | _Order | None] = queue.Queue()
        self._worker = threading.Thread(target=self._work, name="gateway", daemon=True)
        self._failure: BaseException | None = None
        self._closed = False
        self._lost: dict[str, int] = {}

    def start(self, timeout_s: float = 15.0) -> None:
        """Connect to every zone. Raises IronmoteError, and then nothing is left running."""
        self._worker.start()
        try:
            for zone in self._zones:
                zone.start(timeout_s)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Finish what had arrived, leave every zone and close the store. What is not acknowledged comes again."""
        if self._worker.is_alive():
            self._queue.put(None)
            self._worker.join()
        for zone in self._zones:
            zone.stop()
        if not self._closed:
            self._closed = True
            self._lost = self._store.lost()
            self._store.close()

    def check(self) -> None:
        """Raise what made the worker stop, if anything did."""
        if isinstance(self._failure, IronmoteError):
            raise self._failure
        if self._failure is not None:
            raise IronmoteError(f"the gateway stopped: {self._failure!r}") from self._failure

    def send(self, mote: str, name: str, value: Value, within_s: float = 20.0) -> None:
        """Send a command to an actuator; its CommandEnded comes within about `within_s` seconds."""
        if mote not in self._members:
            raise IronmoteError(f"there is no mote called {mote}")
        self._queue.put(_Order(mote, name, value, within_s))

    @property
    def lost(self) -> dict[str, int]:
        """How many records of each mote have a number but never came; known once the gateway has stopped."""
        return self._lost

    def _arrived(self, zone: Zone, message: Message, receipt: Receipt) -> None:
        self._queue.put(_Delivery(zone, message, receipt, time.time()))

    def _publish(self, prefix: str, topic: str, payload: bytes) -> None:
        serving = [zone for zone in self._zones if zone.access.prefix == prefix]
        lives = self._members[topics.split(topic)[1]].zone
        for zone in [zone for zone in serving if zone.access.zone == lives] or serving:
            zone.publish(topic, payload)

    def _work(self) -> None:
        try:
            while self._turn():
                pass
        except BaseException as error:  # kept for whoever asks by `check`; nothing is acknowledged any more
            self._failure = error

    def _turn(self) -> bool:
        """Take what has arrived, at most a batch of it; False when it is time to end."""
        items: list[_Delivery | _Order | None] = []
        with contextlib.suppress(queue.Empty):
            items.append(self._queue.get(timeout=_TICK_S))
            while len(items) < _BATCH:
                items.append(self._queue.get_nowait())
        self._take([item for item in items if isinstance(item, _Delivery)])
        for item in items:
            if isinstance(item, _Order):
                self._tell(self._downlink.send(item.mote, item.name, item.value, item.within_s))
        for ended in self._downlink.overdue():
            self._tell(ended)
        return None not in items

    def _take(self, deliveries: list[_Delivery]) -> None:
        if not deliveries:
            return
        events: list[Event] = []
        answers: list[tuple[str, command.Answer]] = []
        sealed_motes: set[str] = set()
        with self._store.transaction():
            for delivery in deliveries:
                try:
                    verified = self._uplink.take(delivery.message)
                except NotBelieved as error:
                    events.append(self._refuse(delivery, error))
                    # It may have verified and been malformed inside: then its window has moved all the same.
                    if error.mote in self._trusts:
                        sealed_motes.add(error.mote)
                except AlreadyTaken:
                    continue
                else:
                    if verified.member.seal_key is not None:
                        sealed_motes.add(verified.member.id)
                    if isinstance(verified.content, command.Answer):
                        answers.append((verified.member.id, verified.content))
                    else:
                        events += self._keep(delivery, verified)
            for mote in sealed_motes:
                self._store.save_epochs(mote, self._trusts[mote].epochs)
        for delivery in deliveries:
            delivery.zone.acknowledge(delivery.receipt)
        for event in events:
            self._tell(event)
        for mote, answer in answers:
            self._tell(self._downlink.answered(mote, answer))

    def _refuse(self, delivery: _Delivery, error: NotBelieved) -> MessageRefused:
        self._store.add_refusal(delivery.arrived, delivery.message.zone, error.mote, error.why, error.alert)
        return MessageRefused(error.mote, delivery.message.zone, error.why, error.alert)

    def _keep(self, delivery: _Delivery, verified: Verified) -> list[Event]:
        member, content = verified.member, verified.content
        size = len(delivery.message.payload)
        if isinstance(content, State):
            last = self._store.state(member.id)
            if not verified.current or (last is not None and (content.boot, content.connection) < last):
                return []  # of a connection that is over
            self._store.save_state(member.id, content.online, content.boot, content.connection, delivery.arrived)
            return [StateSeen(member.id, content, size)]
        if not isinstance(content, record.Record):
            return []
        readings = tuple(content.readings)
        epoch = verified.boot if verified.sequence is not None else None
        new = self._store.add_record(
            member.id,
            content.identity,
            content.base_time,
            delivery.arrived,
            member.channel,
            verified.sequence,
            epoch,
            readings,
        )
        if not new:
            return []
        _, boot, number = content.identity
        return [
            RecordSeen(member.id, member.channel, boot, number, content.base_time, delivery.arrived, readings, size)
        ]

    def _tell(self, event: Event | CommandEnded | None) -> None:
        if event is not None:
            self._on_event(event)
