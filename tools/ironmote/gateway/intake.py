"""What arrives, verified and stored: one batch is one transaction, and one message cannot spoil it for the others."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from mote import command, record, topics

from .. import roles
from ..errors import IronmoteError
from . import controllers, reasons, state
from .boots import Boots
from .care import KeyCare
from .database import StoreError
from .downlink import Order
from .events import Event, MessageRefused, StateSeen
from .members import Member
from .record_batch import RecordBatch
from .refusals import Refusals
from .sharing import Sharing
from .state import State
from .store import Store
from .trust import MoteTrust
from .uplink import AlreadyTaken, Message, NotBelieved, Republished, Uplink, Verified
from .wire_tap import Wired, WireTap, transport


class Delivery(NamedTuple):
    """A message and when it came, in seconds since 1970."""

    message: Message
    arrived: float


@dataclass
class Taken:
    """What a batch came to. `heard` has each mote that listens now, and its `down` where that was ahead of ours."""

    answers: list[tuple[str, command.Answer]] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)  # of controllers, for sealed motes
    heard: dict[str, int | None] = field(default_factory=dict)
    again: list[str] = field(default_factory=list)  # motes of whose messages the broker delivered one again
    refused: list[tuple[float, MessageRefused]] = field(default_factory=list)
    moved: set[str] = field(default_factory=set)  # sealed motes whose windows or counts may have moved
    _places: list[list[Event]] = field(default_factory=list)

    @property
    def events(self) -> list[Event]:
        """What happened, in the order of the messages."""
        return [event for place in self._places for event in place]

    def tell(self, events: list[Event]) -> None:
        """Put these events behind all others; the list may be filled later."""
        self._places.append(events)

    def refuse(self, arrived: float, event: MessageRefused, place: list[Event] | None = None) -> None:
        """Note that a message was refused, in its `place` where it has one."""
        self.refused.append((arrived, event))
        if place is None:
            self.tell([event])
        else:
            place.append(event)


class Intake:
    """Takes batches of deliveries. Everything here runs on the gateway's worker."""

    def __init__(
        self,
        trusts: Mapping[str, MoteTrust],
        store: Store,
        uplink: Uplink,
        care: KeyCare,
        refusals: Refusals,
        tap: WireTap | None = None,
        sharing: Sharing | None = None,
        waits: Callable[[str, command.Answer], bool] = lambda mote, answer: True,
        believes: Callable[[str], bool] = lambda mote: True,
    ) -> None:
        """With `sharing`, what `waits` says that no command of this gateway waits for goes to the others.

        `believes` is False for motes whose words are stored as if they had not answered their challenge.
        """
        self._sharing = sharing
        self._waits = waits
        self._believes = believes
        self._tap = tap if tap is not None else WireTap()
        self._trusts = trusts
        self._store = store
        self._uplink = uplink
        self._care = care
        self._refusals = refusals
        self._boots = Boots(store)
        self._records = RecordBatch(store)

    def take(self, deliveries: Iterable[Delivery], refused: Iterable[tuple[float, MessageRefused]] = ()) -> Taken:
        """Verify and store `deliveries`, and what was `refused` before it got here.

        Raises StoreError where nothing of it is on the disk: then the trusts are ahead, and have to be loaded again.
        """
        taken = Taken()
        try:
            with self._store.transaction():
                self._all(list(deliveries), refused, taken)
        except BaseException:
            if self._sharing is not None:
                self._sharing.failed()
            raise
        return taken

    def _all(self, deliveries: list[Delivery], refused: Iterable[tuple[float, MessageRefused]], taken: Taken) -> None:
        if self._sharing is not None:
            claimed = {self.claimed(each.message) for each in deliveries}
            self._sharing.begin(mote for mote in claimed if mote is not None)
        for arrived, event in refused:
            taken.refuse(arrived, event)
        self._records.begin()
        for delivery in deliveries:
            self._one(delivery, taken)
        self._store_records(taken)
        self._store.save_epochs({mote: self._trusts[mote].to_store() for mote in sorted(taken.moved)})
        if self._sharing is not None:
            self._sharing.end(taken.moved)
        self._refusals.keep(taken.refused)

    def _one(self, delivery: Delivery, taken: Taken) -> None:
        message = delivery.message
        if _is_downward(message.topic):  # what hears motes in their order hears commands too, our own among them
            self._order(delivery, taken)
            return
        try:
            verified = self._uplink.take(message)
        except NotBelieved as error:
            taken.refuse(
                delivery.arrived, MessageRefused(error.mote, message.zone, error.why, error.alert, kind=error.kind)
            )
            # It may have verified and been malformed inside: then its window has moved all the same.
            if error.mote is not None and error.mote in self._trusts:
                taken.moved.add(error.mote)
            return
        except AlreadyTaken as error:
            if error.elsewhere:  # it listens all the same, and who took it may not be who has something to say
                taken.heard.setdefault(error.mote, None)
            else:
                taken.again.append(error.mote)
            return
        except Republished:
            return
        except StoreError:  # it could not be asked what is believed of this mote
            raise
        except Exception as error:  # a mistake of ours that a message has found must not stop the others
            self._spoilt(delivery, taken, error)
            return
        mote = verified.member.id
        if self._sharing is not None and isinstance(verified.content, command.Answer):
            self._forward(delivery, verified, verified.content)
        self._tap.keep(mote, partial(_wired, delivery, verified))
        if verified.member.seal_key is not None:
            taken.moved.add(mote)
            taken.tell(self._settle(verified, taken.heard))
        content = verified.content
        if isinstance(content, command.Answer):
            taken.answers.append((mote, content))
        elif isinstance(content, State):
            self._store_records(taken)  # what a state says may be about them
            self._keep_state(delivery, verified, content, taken)
        else:
            confirmed = self._confirmed(verified.member)
            taken.tell(self._records.add(message, delivery.arrived, verified, content, confirmed))
            if verified.member.seal_key is None and not message.retained:
                taken.heard.setdefault(mote, None)

    def _store_records(self, taken: Taken) -> None:
        for failed in self._records.store():
            waiting, error = failed.waiting, failed.error
            if isinstance(error, NotBelieved):
                refused = MessageRefused(waiting.new.mote, waiting.zone, error.why, error.alert, kind=error.kind)
            else:
                refused = _unstorable(waiting.new.mote, waiting.zone, error)
            taken.refuse(waiting.new.arrived, refused, waiting.place)

    def _forward(self, delivery: Delivery, verified: Verified, answer: command.Answer) -> None:
        """Let the other gateways know of an answer that nobody waits for here."""
        mote = verified.member.id
        if not self._waits(mote, answer):
            self._store.answers.add(mote, answer, verified.boot, verified.sequence, delivery.arrived)

    def _order(self, delivery: Delivery, taken: Taken) -> None:
        """Take what a controller wants of a sealed mote, which cannot read it: the gateway passes it on, sealed."""
        message = delivery.message
        mote = self.claimed(message)
        if mote is None or mote not in self._trusts or message.prefix != topics.OPEN or message.retained:
            return
        try:
            order = controllers.order_of(mote, message.payload, delivery.arrived)
        except IronmoteError as error:
            taken.refuse(delivery.arrived, MessageRefused(mote, message.zone, str(error), False, kind=reasons.STRAY))
        else:
            taken.orders.append(order)

    def _spoilt(self, delivery: Delivery, taken: Taken, error: Exception) -> None:
        mote = self.claimed(delivery.message)
        if mote is not None and mote in self._trusts:
            taken.moved.add(mote)
        why = f"could not be read ({type(error).__name__})"
        taken.refuse(delivery.arrived, MessageRefused(mote, delivery.message.zone, why, True, kind=reasons.UNREADABLE))

    def claimed(self, message: Message) -> str | None:
        """The mote that a message's topic claims, where that is one of ours. For any thread."""
        try:
            mote: str = topics.split(message.topic)[1]
        except topics.TopicError:
            return None
        return mote if self._uplink.knows(mote) else None

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

    def _keep_state(self, delivery: Delivery, verified: Verified, content: State, taken: Taken) -> None:
        member, message = verified.member, delivery.message
        try:
            with self._store.savepoint():
                taken.tell(self._apply_state(delivery, verified, content))
        except StoreError:
            raise
        except Exception as error:
            taken.refuse(delivery.arrived, _unstorable(member.id, message.zone, error))
        else:
            if member.seal_key is None and not message.retained and content.online:
                taken.heard.setdefault(member.id, None)

    def _apply_state(self, delivery: Delivery, verified: Verified, content: State) -> list[Event]:
        member, message = verified.member, delivery.message
        generation = self._trusts[member.id].generation if member.id in self._trusts else member.generation
        last, when = self._store.state(member.id), (generation, content.boot, content.connection)
        # What a mote says inside TLS comes in order. Only a will, and what the broker had kept, may be of a connection
        # that is over; else one state with a boot counter that is far too high would hide all that follow.
        fresh = member.seal_key is None and content.online and not message.retained
        if not verified.current or (not fresh and last is not None and when < last):
            return []
        self._store.save_state(member.id, content.online, when, delivery.arrived)
        self._store.add_status(member.id, delivery.arrived, content.online, content.boot, state.to_json(content))
        seen = StateSeen(member.id, content, self._confirmed(member))
        return [seen, *(self._boots.heard(member.id, generation, content) if content.online else ())]

    def _confirmed(self, member: Member) -> bool:
        answered = member.id not in self._trusts or self._trusts[member.id].confirmed
        return answered and self._believes(member.id)


def _unstorable(mote: str, zone: str, error: Exception) -> MessageRefused:
    return MessageRefused(mote, zone, f"could not be stored ({type(error).__name__})", True, kind=reasons.MALFORMED)


def _wired(delivery: Delivery, verified: Verified) -> Wired:
    message, content = delivery.message, verified.content
    inside = (content.identity[1], content.identity[2]) if isinstance(content, record.Record) else None
    around = transport(verified.member.channel)
    return Wired("up", message.zone, around, message.topic, message.payload, delivery.arrived, inside)


def _is_downward(topic: str) -> bool:
    if topic.rpartition("/")[2] not in roles.DOWNWARD:
        return False
    try:
        return topics.split(topic)[2] in roles.DOWNWARD
    except topics.TopicError:
        return False
