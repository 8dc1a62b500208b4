"""Commands to motes: sealed or as JSON, sent again on a fresh anchor while the mote says "expired", and timed.

A command for a sealed mote waits until the mote is confirmed: before that the newest epoch known may be an old one.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from mote import command, limits, sealed, topics

from ..errors import IronmoteError
from .events import CommandEnded, Value
from .members import Member
from .store import Store, StoreError
from .trust import MoteTrust

UNKNOWN = "unknown"
_AGAIN_S = 2.0
_ID_BYTES = 8
_LONGEST_WAIT_S = 7 * 24 * 3600


def check_order(name: str, value: Value, within_s: float) -> None:
    """Raise IronmoteError where no mote could take such a command, by the very rules that motes read it with."""
    try:
        order = command.Command(bytes(_ID_BYTES), name, value, None, None)
        command.decode_command_json(command.encode_command_json(order))
    except (ValueError, TypeError, OverflowError) as error:
        raise IronmoteError(f"no command for an actuator: {error}") from error
    if name.startswith(command.RESERVED):
        raise IronmoteError(f"no command for an actuator: {name} is for the gateway itself")
    if not 0 < within_s <= _LONGEST_WAIT_S:
        raise IronmoteError("a command is waited for a week at most")


@dataclass
class _Pending:
    member: Member
    id: bytes
    name: str
    value: Value
    began: float  # monotonic seconds
    until: float  # monotonic seconds: a clock that is set changes nothing of how long we wait
    deadline: float  # seconds since 1970, which is what the mote is told
    epoch: bytes | None = None  # the one that it was sealed under; None while it waits
    sequence: int = -1
    sent: float = 0.0  # monotonic seconds


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

    def send(self, mote: str, name: str, value: Value, within_s: float) -> CommandEnded | None:
        """Send a command; its outcome comes from `answered` or `overdue`, or at once where it cannot be sent."""
        member = self._members[mote]
        now, began = time.time(), time.monotonic()
        pending = _Pending(member, os.urandom(_ID_BYTES), name, value, began, began + within_s, now + within_s)
        self._store.add_command(pending.id, mote, name, value, now, pending.deadline)
        self._overtake(mote, name)
        if mote in self._revoked:
            return self._end(pending, command.EXPIRED, None, "the mote was revoked")
        waits = member.seal_key is not None and not self._trusts[mote].confirmed
        if not self._can_seal(member) or not (waits or self._dispatch(pending)):
            return self._end(pending, command.EXPIRED, None, "nothing was ever heard from this mote")
        self._pending[pending.id] = pending
        return None

    def ask(self, mote: str, command_id: bytes, name: str, value: bytes) -> None:
        """Send a command to the mote itself, whether it is confirmed or not; its answer is for whoever asks.

        A mote learns from the deadline how late it is at least: the latest possible one says it best.
        """
        self._seal(self._members[mote], command_id, name, value, int(time.time()) + _LONGEST_WAIT_S)

    def heard(self, mote: str) -> None:
        """The mote was just heard, so it listens: send what waited for that, or may have been lost or slept through.

        Only within an epoch, where the mote knows the ids of what it has done and answers without acting again.
        """
        trust = self._trusts[mote]
        for pending in self._of(mote):
            if pending.epoch is None:
                due = trust.confirmed
            else:
                same = trust.newest is not None and pending.epoch == trust.newest.epoch
                due = same and time.monotonic() - pending.sent > _AGAIN_S
            if due and time.monotonic() < pending.until:
                self._dispatch(pending)

    def behind(self, mote: str, down: int) -> None:
        """The mote has verified `down` from another sender, so it refused what was numbered lower: send that anew."""
        for pending in self._of(mote):
            if pending.sequence < down:
                pending.sent = 0.0

    def revoke(self, mote: str) -> list[CommandEnded]:
        """Send nothing more to `mote`; the outcome of what it has not answered stays unknown."""
        self._revoked.add(mote)
        ended = []
        for pending in self._of(mote):
            del self._pending[pending.id]
            ended.append(self._end(pending, UNKNOWN, None, "the mote was revoked"))
        return ended

    def answered(self, mote: str, answer: command.Answer) -> CommandEnded | None:
        """Take a mote's answer: the outcome of a command; None where it is nobody's, or goes out again."""
        pending = self._pending.get(answer.id)
        if pending is None or pending.member.id != mote or answer.name != pending.name:
            return None
        if answer.result == command.EXPIRED and pending.epoch is not None and time.monotonic() < pending.until:
            trust = self._trusts[mote]
            # Never into another epoch: before its reboot the mote may have obeyed and not been able to say so.
            try:
                if trust.newest is not None and trust.newest.epoch == pending.epoch and self._dispatch(pending):
                    return None
            except StoreError:
                return None  # it goes out when the mote is heard again, or ends at its deadline
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
        if pending.member.seal_key is not None and pending.epoch is None:
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

    def _dispatch(self, pending: _Pending) -> bool:
        member = pending.member
        if member.seal_key is None:
            order = command.Command(pending.id, pending.name, pending.value, None, int(pending.deadline))
            payload = command.encode_command_json(order)
            self._publish(member.prefix, topics.open_topic(member.id, "down").decode(), payload)
            return True
        if not self._can_seal(member):
            return False
        deadline = int(pending.deadline)
        pending.sent = time.monotonic()
        pending.epoch, pending.sequence = self._seal(member, pending.id, pending.name, pending.value, deadline)
        return True

    def _seal(
        self, member: Member, command_id: bytes, name: str, value: Value | bytes, deadline: int | None
    ) -> tuple[bytes, int]:
        """Seal and publish a command on the last anchor; gives its epoch and its sequence number."""
        trust = self._trusts[member.id]
        newest = trust.newest
        if newest is None:
            raise IronmoteError(f"{member.id} was never heard")
        order = command.Command(command_id, name, value, newest.window.highest, deadline)
        plaintext = command.encode_command_cbor(order)
        sequence = self._store.next_downlink(member.id)
        if sequence > sealed.MAX_SEQUENCE:
            raise IronmoteError(f"the sequence numbers of {member.id} are spent; provision it again")
        self._sealed += 1
        if self._sealed % limits.SEALS == 0:  # counted over all motes: no key of this sender has sealed more
            self._sender = sealed.DOWNLINK + os.urandom(6)
        leaf = topics.name(member.id, "down")
        message = trust.context(self._sender, newest.epoch).seal(sequence, leaf, plaintext)
        self._publish(member.prefix, topics.sealed_topic(member.id, "down").decode(), message)
        return newest.epoch, sequence

    def _end(self, pending: _Pending, result: str, value: Value, why: str | None) -> CommandEnded:
        elapsed_ms = (time.monotonic() - pending.began) * 1000
        # Where the disk does not take it, who asked is told all the same; the store will say "unknown" for it.
        with contextlib.suppress(StoreError):
            self._store.end_command(pending.id, result, value, why, time.time())
        return CommandEnded(pending.member.id, pending.name, result, value, why, elapsed_ms)
