"""The wiring: zones deliver, one worker verifies and stores in batches, and only then acknowledges.

    zones ──► queue ──► worker: verify → one transaction → acknowledge → events
                          └──► commands → zones

The worker owns the store and all trust; nothing else touches them.
"""

import contextlib
import logging
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

from mote import command, topics

from ..brokers import GatewayAccess
from ..errors import IronmoteError
from .database import StoreError, open_beside
from .downlink import Order, check_order
from .events import CommandEnded, Event, MessageRefused, Value
from .inbox import Change, Inbox, Roll
from .intake import Intake
from .losses import lost
from .members import Member, Successor
from .outlet import Outlet
from .peers import Peers
from .refusals import Refusals
from .resume import Arrival, Resumption
from .served import Served
from .store import Store
from .uplink import Message
from .wire_tap import Wired, WireTap, transport
from .zone import STREAM, AnyReceipt, AnyZone, Sending, Zone

_T = TypeVar("_T")
_log = logging.getLogger(__name__)

_LOOK_AGAIN_S = 1.0  # after which a few more messages whose counters went back are looked into
_PAUSES_S = (0.5, 1, 2, 4, 8, 15, 30)  # between attempts to write


class Gateway:
    """Serves `members` in the zones of `accesses`. `on_event` is called on the worker's thread, in order.

    What `on_event` raises is logged and changes nothing else; the package says what it may rely on.
    `quarantined`, which may be replaced at any time, has motes and why: what they say is stored as if they had not
    answered their challenge, and no command goes to them.
    """

    def __init__(
        self,
        fleet_id: bytes,
        members: Iterable[Member],
        accesses: Iterable[GatewayAccess],
        store: Path | str,
        on_event: Callable[[Event], None],
        outlet: Outlet | None = None,
        keep_days: int | None = None,
    ) -> None:
        """Open the store, a file or a `postgresql://` URL; what is stored goes on to `outlet`. Raises IronmoteError.

        Of several gateways with one PostgreSQL each has a client id of its own in `accesses`. What came more than
        `keep_days` ago is removed; None is for ever.
        """
        self._on_event = on_event
        self._outlet = outlet
        self._store = Store(store, publishes=outlet is not None)
        accesses = list(accesses)
        zones = [(access.zone, access.prefix) for access in accesses]
        self._served = Served(fleet_id, members, zones, self._store, self._publish, self._patiently)
        self._trusts, self._sharing = self._served.trusts, self._served.sharing
        self._uplink, self._downlink, self._care = self._served.uplink, self._served.downlink, self._served.care
        self._peers = Peers(self._sharing, self._served, self._store, self._tell) if self._sharing is not None else None
        self._retention = self._store.retention(keep_days, self._served.begin) if keep_days else None
        self._refusals = Refusals(self._store)
        self._tap = WireTap()
        self._intake = Intake(
            self._trusts,
            self._store,
            self._uplink,
            self._care,
            self._refusals,
            self._tap,
            self._sharing,
            self._served.waits,
            self._believes,
        )
        self._inbox = Inbox(self._intake.claimed)
        self._zones = [_zone(access, self._inbox.arrived) for access in accesses]
        self._inbox.open(self._zones)
        self._resumption = Resumption()
        self._ending = threading.Event()
        self._redelivered: Counter[str] = Counter()
        self._worker = threading.Thread(target=self._work, name="gateway", daemon=True)
        self._failure: BaseException | None = None
        self._closed = False
        self._where = store
        self._lost: dict[str, int] | None = None
        self._looked = time.monotonic()
        self.quarantined: Mapping[str, str] = {}

    def start(self, timeout_s: float | None = 15.0) -> None:
        """Connect to every zone. Raises IronmoteError, and then nothing is left running.

        With None it waits for no broker: each is tried for ever, and `zones` says how that goes.
        """
        _forbid_core_dumps()
        self._worker.start()
        try:
            for zone in self._zones:
                zone.start(timeout_s)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Finish what had arrived, leave every zone and close the store. What is not acknowledged comes again."""
        self._ending.set()
        self._inbox.close()
        if self._worker.is_alive():
            self._inbox.put(None)
            self._worker.join()
        for zone in self._zones:
            zone.stop()
        if not self._closed:
            self._closed = True
            self._store.close()

    def check(self, zones: bool = True) -> None:
        """Raise what made the worker stop, or, of `zones`, keeps one from being heard, if anything does."""
        if isinstance(self._failure, IronmoteError):
            raise self._failure
        if self._failure is not None:
            raise IronmoteError(f"the gateway stopped: {self._failure!r}") from self._failure
        for zone in self._zones if zones else ():
            zone.check()

    def _check_quarantine(self, mote: str) -> None:
        if mote in self.quarantined:
            raise IronmoteError(f"{mote} is in quarantine; ironmote alerts --release {mote} ends it")

    def _believes(self, mote: str) -> bool:
        return mote not in self.quarantined

    @property
    def zones(self) -> dict[str, str]:
        """What keeps each zone from being heard, in words, by its name; "" where nothing does."""
        return {zone.access.zone: zone.trouble for zone in self._zones}

    def send(self, mote: str, name: str, value: Value, within_s: float = 20.0, for_s: int | None = None) -> bytes:
        """Send a command to an actuator; its CommandEnded, with the id given here, comes in about `within_s` seconds.

        What it sets holds for `for_s` seconds, 1 to 604,800, and then the actuator is its rule's again or, without one,
        goes to its safe state; where that is left out, the mote's settings say for how long. The value "auto" ends it.
        A mote whose code does not know `for_s` refuses the command without an answer. Raises IronmoteError where no
        mote could take it.
        """
        if mote not in self._served.members:
            raise IronmoteError(f"there is no mote called {mote}")
        self._check_quarantine(mote)
        check_order(name, value, within_s, for_s)
        order = Order(mote, name, value, within_s, for_s=for_s)
        self._inbox.put(order)
        return order.id

    def admit(self, members: Iterable[Member]) -> threading.Event:
        """Serve `members` from here on, and nobody else: who is new, has other keys, is revoked, or is gone.

        The result is set when they are. Whoever stays as it was is served without a break.
        """
        roll = Roll(tuple(members), threading.Event())
        self._inbox.put(roll)
        return roll.taken

    def seen_on_wire(self, mote: str) -> list[Wired]:
        """The last messages of `mote`, and to it, as they went over its link, newest last; any thread may ask."""
        return self._tap.seen(mote)

    def rotate(self, mote: str, successor: Successor) -> None:
        """Replace a mote's root key over the air; RootRotated tells when the mote is heard under the new one.

        RootKept tells that the mote refuses it.

        Until then both are good, here and (which is not the gateway's to see to) at the mote's broker.
        """
        if mote not in self._trusts:
            raise IronmoteError(f"there is no sealed mote called {mote}")
        self._inbox.put(Change(mote, successor))

    def revoke(self, mote: str) -> None:
        """Believe nothing of a mote from here on, over restarts too, until it has a root key of a later generation."""
        if mote not in self._served.members:
            raise IronmoteError(f"there is no mote called {mote}")
        self._inbox.put(Change(mote, None))

    @property
    def lost(self) -> dict[str, int]:
        """How many records of each mote have a number but never came; known once the gateway has stopped.

        Raises StoreError.
        """
        if not self._closed:
            return {}
        if self._lost is None:  # it takes a while where much is stored, so nobody waits for it who does not ask
            with contextlib.closing(open_beside(self._where, read_only=True)) as db:
                self._lost = lost(db)
        return self._lost

    @property
    def redelivered(self) -> dict[str, int]:
        """How often a broker said of a sealed message of each mote that it delivers it again; any thread may ask.

        A few are normal where a connection broke. Many, and the broker may be replaying.
        """
        return dict(self._redelivered)

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> Sending:
        """Say something to the consumers of every zone that is trusted with it, at QoS 1."""
        return sum((zone.publish(topic, payload, retain) for zone in self._zones if zone.is_trusted), Sending(()))

    def republish(self, mote: str, leaf: str, payload: bytes, retain: bool = False) -> Sending:
        """Say for a sealed mote what was verified of it, as a JSON object or an array of them.

        It is marked, so that no gateway takes it for the mote's own words. Raises KeyError where it is not sealed.
        """
        topic = topics.open_topic(mote, leaf).decode()
        return self.publish(topic, self._uplink.marks.mark(mote, topic, payload), retain)

    def _publish(self, prefix: str, topic: str, payload: bytes) -> None:
        serving = [zone for zone in self._zones if zone.access.prefix == prefix]
        member = self._served.members[topics.split(topic)[1]]
        for zone in [zone for zone in serving if zone.access.zone == member.zone] or serving:
            zone.publish(topic, payload)
        around, now = transport(member.channel), time.time()
        self._tap.keep(member.id, partial(Wired, "down", member.zone, around, topic, payload, now))

    def _work(self) -> None:
        try:
            self._tell_untold()
            while self._turn():
                pass
        except BaseException as error:  # kept for whoever asks by `check`; nothing is acknowledged any more
            self._failure = error
            self._inbox.close()

    def _turn(self) -> bool:
        """Take what has arrived, at most a batch of it; False when it is time to end."""
        items = self._inbox.take()
        for item in items:
            if isinstance(item, Change):
                self._change(item)
            elif isinstance(item, Roll):
                self._served.take_up(item.members)
                self._settle()
                item.taken.set()
        if time.monotonic() - self._looked >= _LOOK_AGAIN_S:
            self._looked = time.monotonic()
            for _, trust in self._trusts.made():
                trust.look_again()
        arrived = [item for item in items if isinstance(item, Arrival)]
        gone = Counter(each.zone for each in self._resumption.held + arrived)
        self._take(self._resumption.pass_on(arrived))
        gone.subtract(each.zone for each in self._resumption.held)
        for zone, count in gone.items():
            if count:
                self._inbox.give(zone, count)
        for item in items:
            if isinstance(item, Order):
                self._tell(self._send(item))
        self._catch_up()
        if self._retention is not None:
            self._retention.turn()
        for ended in self._downlink.overdue():
            self._tell(ended)
        if self._outlet is not None:
            with contextlib.suppress(StoreError):  # again in the next turn
                self._outlet.turn(self._store.outbox, None in items)
        for more in self._refusals.unsaid(at_once=None in items):
            self._tell(more)
        return None not in items

    def _send(self, order: Order) -> CommandEnded | None:
        if order.mote not in self._served.members:
            return CommandEnded(order.mote, order.name, command.EXPIRED, None, "the mote was removed", 0.0, order.id)
        try:
            self._check_quarantine(order.mote)  # what controllers want comes here alone
            if self._peers is not None:
                self._peers.renew([order.mote])
            return self._downlink.send(order)
        except IronmoteError as error:  # nobody would know afterwards that it was sent, so it was not
            return CommandEnded(order.mote, order.name, command.EXPIRED, None, f"not sent: {error}", 0.0, order.id)

    def _take(self, deliveries: list[Arrival]) -> None:
        careless = self._inbox.careless()
        if not deliveries and not careless:
            return
        taken = self._patiently(lambda: self._intake.take([each.what for each in deliveries], careless))
        for delivery in deliveries:
            delivery.zone.acknowledge(delivery.receipt)
        self._redelivered.update(taken.again)
        for event in taken.events:
            self._tell(self._refusals.say(event) if isinstance(event, MessageRefused) else event)
        for mote, answer in taken.answers:
            self._tell(self._downlink.answered(mote, answer))
        for order in taken.orders:
            self._tell(self._send(order))
        self._speak(taken.heard)
        self._tell_untold()

    def _patiently(self, write: Callable[[], _T]) -> _T:
        """Do what must reach the disk, again and again while it cannot. Raises StoreError in the end."""
        try:
            return write()
        except StoreError as error:
            failure = error
        for pause_s in _PAUSES_S:
            last = self._ending.wait(pause_s)
            try:
                self._served.reload()
                return write()
            except StoreError as error:
                failure = error
            if last:
                break
        raise failure

    def _catch_up(self) -> None:
        """Take part in what other gateways did; what the disk does not give now, it gives later."""
        if self._peers is None:
            return
        with contextlib.suppress(StoreError):
            self._speak(dict.fromkeys(self._peers.catch_up()))
        self._tell_untold()

    def _speak(self, heard: dict[str, int | None]) -> None:
        """Send what was waiting for these motes to be heard, or confirmed; outside of any transaction."""
        with contextlib.suppress(IronmoteError):  # else each takes a number of its own, or fails by itself
            self._downlink.reserve([mote for mote in heard if mote in self._trusts and self._care.due(mote)])
        for mote, down in heard.items():
            # What cannot be sent to one mote, or the disk does not take, harms no other: the mote is asked again when
            # it is heard again, and a command ends at its deadline.
            with contextlib.suppress(IronmoteError):
                if down is not None:
                    self._care.behind(mote)
                    self._downlink.behind(mote, down)
                if mote in self._trusts:
                    self._care.heard(mote)
                self._downlink.heard(mote)
        self._downlink.give_back()

    def _change(self, change: Change) -> None:
        if change.successor is None:
            self._served.revoke(change.mote)
        else:
            self._served.rotate(change.mote, change.successor)
        self._settle()

    def _settle(self) -> None:
        """Say what follows from another fleet: to whoever listens, and to the motes themselves."""
        self._tell_untold()
        due, self._served.due = self._served.due, []
        self._speak(dict.fromkeys(due))

    def _tell_untold(self) -> None:
        untold, self._served.untold = self._served.untold, []
        for event in untold:
            self._tell(event)

    def _tell(self, event: Event | CommandEnded | None) -> None:
        if event is None:
            return
        try:
            self._on_event(event)
        except Exception:  # what is told is on the disk and acknowledged: the listener's trouble is its own
            _log.exception("a listener failed at a %s of %s", type(event).__name__, event.mote)


def _zone(access: GatewayAccess, on_message: Callable[[AnyZone, Message, AnyReceipt], None]) -> AnyZone:
    if access.transport != STREAM:
        return Zone(access, on_message)
    from .stream import StreamZone  # which loads NATS's client, for whoever uses it

    return StreamZone(access, on_message)


def _forbid_core_dumps() -> None:
    """This process holds seal keys, and a core dump would write them to the disk, for good."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
