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
from .care import KeyCare
from .downlink import Downlink
from .events import CommandEnded, Event, MessageRefused, MoteRevoked, RecordSeen, StateSeen, Value
from .members import Member, Successor
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


@dataclass(frozen=True)
class _Change:
    """What the owner changes while the gateway runs: a new root key, or, where there is no successor, none at all."""

    mote: str
    successor: Successor | None


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
        self._trusts = {member.id: self._trust(member, fleet_id) for member in members if member.seal_key is not None}
        accesses = list(accesses)
        self._uplink = Uplink(members, self._trusts, [(access.zone, access.prefix) for access in accesses])
        self._downlink = Downlink(members, self._trusts, self._store, self._publish)
        self._care = KeyCare(self._trusts, self._store, self._downlink.ask)
        for member in members:
            if member.generation <= self._store.standing(member.id)[1]:
                self._revoke(member.id)
        self._zones = [Zone(access, self._arrived) for access in accesses]
        self._queue: queue.Queue[_Delivery | _Order | _Change | None] = queue.Queue()
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

    def rotate(self, mote: str, successor: Successor) -> None:
        """Replace a mote's root key over the air; RootRotated tells when the mote is heard under the new one.

        Until then both are good, here and (which is not the gateway's to see to) at the mote's broker.
        """
        if mote not in self._trusts:
            raise IronmoteError(f"there is no sealed mote called {mote}")
        self._queue.put(_Change(mote, successor))

    def revoke(self, mote: str) -> None:
        """Believe nothing of a mote from here on, over restarts too, until it has a root key of a later generation."""
        if mote not in self._members:
            raise IronmoteError(f"there is no mote called {mote}")
        self._queue.put(_Change(mote, None))

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
        items: list[_Delivery | _Order | _Change | None] = []
        with contextlib.suppress(queue.Empty):
            items.append(self._queue.get(timeout=_TICK_S))
            while len(items) < _BATCH:
                items.append(self._queue.get_nowait())
        for item in items:
            if isinstance(item, _Change):
                self._change(item.mote, item.successor)
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
        heard: dict[str, int | None] = {}
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
                        events += self._settle(verified, heard)
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
        self._speak(heard)

    def _settle(self, verified: Verified, heard: dict[str, int | None]) -> list[Event]:
        """What a message of a sealed mote says of its keys. `heard` gets the mote, and `down` where that was ahead."""
        mote, content = verified.member.id, verified.content
        events = self._care.settle(mote)
        if verified.boot is None or verified.sequence is None or not verified.current:
            return events
        if isinstance(content, command.Answer):
            events += self._care.answered(mote, content, verified.boot, verified.sequence)
        if not isinstance(content, State):
            heard.setdefault(mote, None)
        elif content.online:
            ahead = content.down is not None and self._store.raise_downlink(mote, content.down)
            heard[mote] = content.down if ahead else heard.get(mote)
        return events

    def _speak(self, heard: dict[str, int | None]) -> None:
        """Send what was waiting for these motes to be heard, or confirmed; outside of any transaction."""
        for mote, down in heard.items():
            if down is not None:
                self._care.behind(mote)
                self._downlink.behind(mote, down)
            self._care.heard(mote)
            self._downlink.heard(mote)

    def _trust(self, member: Member, fleet_id: bytes) -> MoteTrust:
        """What is believed of a sealed mote, from the store; a key that was retired there stays retired."""
        generation, key, successor = member.generation, member.seal_key, member.successor
        if successor is not None and self._store.standing(member.id)[0] >= successor.generation:
            generation, key, successor = successor.generation, successor.seal_key, None
        if key is None:
            raise IronmoteError(f"{member.id} is not sealed")
        return MoteTrust(member.id, generation, key, fleet_id, self._store.epochs(member.id), successor)

    def _change(self, mote: str, successor: Successor | None) -> None:
        if successor is not None:
            self._trusts[mote].successor = successor
            self._care.rotate(mote)
            return
        trust = self._trusts.get(mote)
        with self._store.transaction():
            self._store.set_revoked(mote, trust.generation if trust else self._members[mote].generation)
        for ended in self._revoke(mote):
            self._tell(ended)
        self._tell(MoteRevoked(mote))

    def _revoke(self, mote: str) -> list[CommandEnded]:
        self._uplink.revoke(mote)
        self._care.forget(mote)
        return self._downlink.revoke(mote)

    def _refuse(self, delivery: _Delivery, error: NotBelieved) -> MessageRefused:
        self._store.add_refusal(delivery.arrived, delivery.message.zone, error.mote, error.why, error.alert)
        return MessageRefused(error.mote, delivery.message.zone, error.why, error.alert)

    def _keep(self, delivery: _Delivery, verified: Verified) -> list[Event]:
        member, content = verified.member, verified.content
        size = len(delivery.message.payload)
        if isinstance(content, State):
            generation = self._trusts[member.id].generation if member.id in self._trusts else member.generation
            last, when = self._store.state(member.id), (generation, content.boot, content.connection)
            if not verified.current or (last is not None and when < last):
                return []  # of a connection that is over
            self._store.save_state(member.id, content.online, when, delivery.arrived)
            return [StateSeen(member.id, content, size, self._confirmed(member))]
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
            self._confirmed(member),
        )
        if not new:
            return []
        _, boot, number = content.identity
        return [
            RecordSeen(
                member.id,
                member.channel,
                boot,
                number,
                content.base_time,
                delivery.arrived,
                readings,
                size,
                self._confirmed(member),
            )
        ]

    def _confirmed(self, member: Member) -> bool:
        return member.id not in self._trusts or self._trusts[member.id].confirmed

    def _tell(self, event: Event | CommandEnded | None) -> None:
        if event is not None:
            self._on_event(event)
