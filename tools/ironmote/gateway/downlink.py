"""Commands to motes: sealed or as JSON, sent again until they are answered, and timed.

A command for a sealed mote waits until the mote is confirmed: before that the newest epoch known may be an old one.
Whatever is sent again acts at most once, since the mote knows what it has done: in this boot, of its last commands.
"""

import contextlib
import os
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from mote import command, limits, sealed, topics

from ..errors import IronmoteError
from .database import StoreError
from .events import CommandEnded, Value
from .members import Member
from .store import Store
from .trust import MoteTrust

UNKNOWN = "unknown"
_AGAIN_S = 2.0
_REMEMBERED = 16  # how many commands a mote remembers (mote.orders)
_ID_BYTES = 8
_LONGEST_WAIT_S = 7 * 24 * 3600
_MOST_WAITING = 64  # commands for one mote: a controller may name what it likes, for a week


def check_order(name: str, value: Value, within_s: float, for_s: int | None) -> None:
    """Raise IronmoteError where no mote could take such a command, by the very rules that motes read it with."""
    try:
        order = command.Command(bytes(_ID_BYTES), name, value, None, None, for_s)
        command.decode_command_json(command.encode_command_json(order))
    except (ValueError, TypeError, OverflowError) as error:
        raise IronmoteError(f"no command for an actuator: {error}") from error
    if name.startswith(command.RESERVED):
        raise IronmoteError(f"no command for an actuator: {name} is for the gateway itself")
    if not 0 < within_s <= _LONGEST_WAIT_S:
        raise IronmoteError("a command is waited for a week at most")


@dataclass(frozen=True)
class Order:
    """A command as it was asked for: the seconds until its deadline count from then."""

    mote: str
    name: str
    value: Value
    within_s: float
    began: float = field(default_factory=time.monotonic)
    made: float = field(default_factory=time.time)  # seconds since 1970
    for_s: int | None = None  # for how long it holds; None is for as long as the mote's settings say
    id: bytes = field(default_factory=lambda: os.urandom(_ID_BYTES))


@dataclass
class _Pending:
    member: Member
    id: bytes
    name: str
    value: Value
    for_s: int | None
    began: float  # monotonic seconds
    until: float  # monotonic seconds: a clock that is set changes nothing of how long we wait
    deadline: float  # seconds since 1970, which is what the mote is told
    sent: float | None = None  # monotonic seconds; None while it waits
    epoch: bytes | None = None  # the one that it was sealed under
    sequence: int = -1
    times: int = 0  # how often it was sent
    expired: int = 0  # how often the mote has said that it did not obey, since it was too late
    boot: int | None = None  # of a mote inside TLS: the one that it was sent to first
    newer: set[bytes] = field(default_factory=set)  # commands that the mote can have obeyed after this one
    foreign: int = 0  # numbers that another gateway may have used for such commands

    @property
    def remembered(self) -> bool:
        """True where the mote, if it has obeyed this in the boot that it was sent to, still knows that it has."""
        return len(self.newer) + self.foreign < _REMEMBERED

    def order(self, anchor: int | None) -> command.Command:
        """The command as the mote reads it."""
        return command.Command(self.id, self.name, self.value, anchor, int(self.deadline), self.for_s)


class Downlink:
    """Sends commands and matches their answers. Not for several threads.

    `publish(prefix, topic, payload)` hands a message to the zone that serves `prefix`.
    """

    def __init__(
        self,
        members: Iterable[Member],
        trusts: Mapping[str, MoteTrust],
        store: Store,
        publish: Callable[[str, str, bytes], None],
    ) -> None:
        self._members = {member.id: member for member in members}
        self._trusts = trusts
        self._store = store
        self._publish = publish
        # A restarted, restored or second gateway draws another one, so no two ever share a key.
        self._sender = sealed.DOWNLINK + os.urandom(6)
        self._sealed = 0
        self._revoked: set[str] = set()
        self._pending: dict[bytes, _Pending] = {}
        self._overtaken: list[CommandEnded] = []
        self._reserved: dict[str, int] = {}
        self._numbers: dict[str, int] = {}  # the last sequence number that was used for each mote

    def send(self, order: Order) -> CommandEnded | None:
        """Send a command; its outcome comes from `answered` or `overdue`, or at once where it cannot be sent."""
        mote, member = order.mote, self._members[order.mote]
        until, deadline = order.began + order.within_s, order.made + order.within_s
        pending = _Pending(member, order.id, order.name, order.value, order.for_s, order.began, until, deadline)
        if not self._store.add_command(pending.id, mote, order.name, order.value, order.made, deadline):
            return (
                None  # a controller's, delivered again, here or at another gateway: its outcome is told where it began
            )
        self._overtake(mote, order.name)
        if mote in self._revoked:
            return self._end(pending, command.EXPIRED, None, "the mote was revoked")
        if time.monotonic() >= until:
            return self._end(pending, command.EXPIRED, None, "never sent: its deadline had passed")
        if len(self._of(mote)) >= _MOST_WAITING:
            return self._end(pending, command.EXPIRED, None, "not sent: too many commands wait for this mote")
        if not self._can_seal(member):
            return self._end(pending, command.EXPIRED, None, "nothing was ever heard from this mote")
        if member.seal_key is None or self._trusts[mote].confirmed:
            try:
                self._dispatch(pending)
            except IronmoteError as error:  # it is published last of all, so it was not
                return self._end(pending, command.EXPIRED, None, f"not sent: {error}")
        self._pending[pending.id] = pending
        return None

    def ask(self, mote: str, command_id: bytes, name: str, value: bytes) -> None:
        """Send a command to the mote itself, whether it is confirmed or not; its answer is for whoever asks.

        A mote learns from the deadline how late it is at least: the latest possible one says it best.
        """
        member = self._members[mote]
        deadline = int(time.time()) + _LONGEST_WAIT_S
        self._seal(member, self._number(mote), command.Command(command_id, name, value, None, deadline, None))

    def reserve(self, motes: Collection[str]) -> None:
        """Take the next sequence number of each of `motes` at once, since each time waits for the disk."""
        if len(motes) > 1:
            self._reserved = self._store.next_downlinks(motes)

    def give_back(self) -> None:
        """Use nothing any more that was reserved: another gateway may have sent under later numbers meanwhile."""
        self._reserved.clear()

    def heard(self, mote: str) -> None:
        """The mote was just heard, so it listens: send what waited for that, or may have been lost or slept through."""
        for pending in self._of(mote):
            if pending.sent is None:
                due = self._trusts[mote].confirmed
            else:
                due = time.monotonic() - pending.sent > _AGAIN_S and self._acts_once(pending)
            if due and time.monotonic() < pending.until:
                self._dispatch(pending)

    def asks(self, answer: command.Answer) -> bool:
        """True where this is an answer to what was asked here."""
        return answer.id in self._pending

    @property
    def pending(self) -> dict[bytes, str]:
        """The motes of the commands that have no answer yet, by the id of each."""
        return {each.id: each.member.id for each in self._pending.values()}

    def overtake(self, command_id: bytes) -> None:
        """Another gateway was asked for something later, for the same actuator: send this no more."""
        pending = self._pending.pop(command_id, None)
        if pending is not None:
            self._overtaken.append(self._end(pending, UNKNOWN, None, "overtaken by a later command"))

    def behind(self, mote: str, down: int) -> None:
        """The mote has verified `down` from another sender, so it refused what was numbered lower: send that anew."""
        for pending in self._of(mote):
            if pending.sent is not None and pending.sequence < down:
                pending.sent = -_AGAIN_S

    def revoke(self, mote: str) -> list[CommandEnded]:
        """Send nothing more to `mote`; the outcome of what it has not answered stays unknown."""
        self._revoked.add(mote)
        return self._give_up(mote, "the mote was revoked")

    def admit(self, member: Member) -> list[CommandEnded]:
        """Send to `member` as it is from here on; what was sent to who it was before stays unknown."""
        self._revoked.discard(member.id)
        ended = self._give_up(member.id, "the mote was provisioned anew")
        self._members[member.id] = member
        return ended

    def dismiss(self, mote: str) -> list[CommandEnded]:
        """Know nothing of `mote` any more."""
        ended = self._give_up(mote, "the mote was removed")
        self._members.pop(mote, None)
        self._revoked.discard(mote)
        return ended

    def _give_up(self, mote: str, why: str) -> list[CommandEnded]:
        ended = []
        for pending in self._of(mote):
            del self._pending[pending.id]
            ended.append(self._end(pending, UNKNOWN, None, why))
        return ended

    def answered(self, mote: str, answer: command.Answer) -> CommandEnded | None:
        """Take a mote's answer: the outcome of a command; None where it is nobody's, or goes out again."""
        pending = self._pending.get(answer.id)
        if pending is None or pending.member.id != mote or answer.name != pending.name:
            return None
        if answer.result == command.EXPIRED:
            pending.expired += 1
            open_ = time.monotonic() < pending.until
            # What is sealed goes out on a fresh anchor; inside TLS it is the deadline that the mote's clock is beyond.
            if open_ and pending.epoch is not None and self._acts_once(pending):
                with contextlib.suppress(StoreError):  # else when the mote is heard again
                    self._dispatch(pending)
                return None
            if not self._none_obeyed(pending):
                if open_:
                    return None
                del self._pending[pending.id]
                return self._overdue(pending)
        del self._pending[pending.id]
        return self._end(pending, answer.result, answer.value, answer.why)

    def overdue(self) -> list[CommandEnded]:
        """The commands that were overtaken, or whose deadline passed, with no answer: what they did is unknown."""
        now = time.monotonic()
        late = [pending for pending in self._pending.values() if pending.until < now]
        for pending in late:
            del self._pending[pending.id]
        overtaken, self._overtaken = self._overtaken, []
        return overtaken + [self._overdue(pending) for pending in late]

    def _overtake(self, mote: str, name: str) -> None:
        """Send no older command for the same actuator again: it would undo what was asked for last."""
        for pending in self._of(mote):
            if pending.name == name:
                del self._pending[pending.id]
                self._overtaken.append(self._end(pending, UNKNOWN, None, "overtaken by a later command"))

    def _overdue(self, pending: _Pending) -> CommandEnded:
        if pending.sent is None:
            why = "never sent: the mote did not answer the gateway's challenge in time"
            return self._end(pending, command.EXPIRED, None, why)
        return self._end(pending, UNKNOWN, None, "no answer")

    def _of(self, mote: str) -> list[_Pending]:
        return [pending for pending in self._pending.values() if pending.member.id == mote]

    def _can_seal(self, member: Member) -> bool:
        """True where a command has an anchor, or needs none."""
        if member.seal_key is None:
            return True
        newest = self._trusts[member.id].newest
        return newest is not None and newest.window.highest >= 0

    def _acts_once(self, pending: _Pending) -> bool:
        """True where the mote, if it has obeyed this already, will say so instead of obeying again."""
        return pending.remembered and self._is_same_boot(pending)

    def _none_obeyed(self, pending: _Pending) -> bool:
        """True where the mote has obeyed no copy of it, now that it has said of one that it did not."""
        if pending.epoch is not None or pending.times == 1:
            return pending.expired >= pending.times
        # Inside TLS a broker may deliver one copy twice; but in the boot of all of them the mote would have known.
        with contextlib.suppress(StoreError):
            return self._is_same_boot(pending)
        return False

    def _is_same_boot(self, pending: _Pending) -> bool:
        """True in the epoch or boot that it was sent to: what the mote did before a restart, it does not know."""
        mote = pending.member
        if mote.seal_key is None:
            return pending.boot is not None and pending.boot == self._boot(mote.id)
        newest = self._trusts[mote.id].newest
        return newest is not None and newest.epoch == pending.epoch

    def _boot(self, mote: str) -> int | None:
        """The boot of which a mote inside TLS last told its state."""
        state = self._store.state(mote)
        return None if state is None else state[1]

    def _dispatch(self, pending: _Pending) -> None:
        """Send it. Raises IronmoteError, and then it was not sent."""
        member = pending.member
        for each in self._of(member.id):
            if each is not pending and each.sent is not None:
                each.newer.add(pending.id)
        if member.seal_key is not None:
            number = self._number(member.id)
            if pending.sent is not None and not pending.remembered:
                return  # by the numbers that another gateway has used, as is known only now
            pending.epoch = self._seal(member, number, pending.order(None))
            pending.sequence = number
        else:
            # Where it is sent again, it is for the boot alone in which the mote can know that.
            anchor = pending.boot
            if pending.sent is None:
                pending.boot = self._boot(member.id)
            payload = command.encode_command_json(pending.order(anchor))
            self._publish(member.prefix, topics.open_topic(member.id, "down").decode(), payload)
        pending.sent = time.monotonic()
        pending.times += 1

    def _number(self, mote: str) -> int:
        """Take the next sequence number; those between it and the last were used for commands of another gateway."""
        sequence = self._reserved.pop(mote, None)
        if sequence is None:
            sequence = self._store.next_downlink(mote)
        if sequence > sealed.MAX_SEQUENCE:
            raise IronmoteError(f"the sequence numbers of {mote} are spent; provision it again")
        skipped = sequence - self._numbers.get(mote, sequence - 1) - 1
        self._numbers[mote] = sequence
        for each in self._of(mote):
            each.foreign += skipped
        return sequence

    def _seal(self, member: Member, sequence: int, order: command.Command) -> bytes:
        """Seal and publish `order` on the last anchor; gives its epoch."""
        trust = self._trusts[member.id]
        newest = trust.newest
        if newest is None:
            raise IronmoteError(f"{member.id} was never heard")
        plaintext = command.encode_command_cbor(order._replace(anchor=newest.window.highest))
        self._sealed += 1
        if self._sealed % limits.SEALS == 0:  # counted over all motes: no key of this sender has sealed more
            self._sender = sealed.DOWNLINK + os.urandom(6)
        leaf = topics.name(member.id, "down")
        message = trust.context(self._sender, newest.epoch).seal(sequence, leaf, plaintext)
        self._publish(member.prefix, topics.sealed_topic(member.id, "down").decode(), message)
        return newest.epoch

    def _end(self, pending: _Pending, result: str, value: Value, why: str | None) -> CommandEnded:
        elapsed_ms = (time.monotonic() - pending.began) * 1000
        # Where the disk does not take it, who asked is told all the same; the store will say "unknown" for it.
        with contextlib.suppress(StoreError):
            self._store.end_command(pending.id, result, value, why, time.time())
        return CommandEnded(pending.member.id, pending.name, result, value, why, elapsed_ms, pending.id)
