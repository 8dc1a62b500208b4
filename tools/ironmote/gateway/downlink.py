"""Commands to motes: sealed or as JSON, sent again on a fresh anchor while the mote says "expired", and timed."""

import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from mote import command, sealed, topics

from .events import CommandEnded, Value
from .members import Member
from .store import Store
from .trust import MoteTrust

UNKNOWN = "unknown"
_ID_BYTES = 8


@dataclass
class _Pending:
    member: Member
    id: bytes
    name: str
    value: Value
    began: float  # monotonic seconds
    deadline: float  # seconds since 1970
    epoch: bytes | None = None  # the one that it was sealed under


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
        self._pending: dict[bytes, _Pending] = {}

    def send(self, mote: str, name: str, value: Value, within_s: float) -> CommandEnded | None:
        """Send a command; its outcome comes from `answered` or `overdue`, or at once where it cannot be sent."""
        member = self._members[mote]
        now = time.time()
        pending = _Pending(member, os.urandom(_ID_BYTES), name, value, time.monotonic(), now + within_s)
        self._store.add_command(pending.id, mote, name, value, now, pending.deadline)
        if not self._dispatch(pending):
            return self._end(pending, command.EXPIRED, None, "nothing was ever heard from this mote")
        self._pending[pending.id] = pending
        return None

    def answered(self, mote: str, answer: command.Answer) -> CommandEnded | None:
        """Take a mote's answer: the outcome of a command; None where it is nobody's, or goes out again."""
        pending = self._pending.get(answer.id)
        if pending is None or pending.member.id != mote:
            return None
        if answer.result == command.EXPIRED and pending.epoch is not None and time.time() < pending.deadline:
            trust = self._trusts[mote]
            # Never into another epoch: before its reboot the mote may have obeyed and not been able to say so.
            if trust.newest is not None and trust.newest.epoch == pending.epoch and self._dispatch(pending):
                return None
        del self._pending[pending.id]
        return self._end(pending, answer.result, answer.value, answer.why)

    def overdue(self) -> list[CommandEnded]:
        """The commands whose deadline has passed with no answer: what they did is unknown."""
        now = time.time()
        late = [pending for pending in self._pending.values() if pending.deadline < now]
        for pending in late:
            del self._pending[pending.id]
        return [self._end(pending, UNKNOWN, None, "no answer") for pending in late]

    def _dispatch(self, pending: _Pending) -> bool:
        member = pending.member
        if member.seal_key is None:
            order = command.Command(pending.id, pending.name, pending.value, None, int(pending.deadline))
            payload = command.encode_command_json(order)
            self._publish(member.prefix, topics.open_topic(member.id, "down").decode(), payload)
            return True
        trust = self._trusts[member.id]
        newest = trust.newest
        if newest is None or newest.window.highest < 0:
            return False
        pending.epoch = newest.epoch
        order = command.Command(pending.id, pending.name, pending.value, newest.window.highest, int(pending.deadline))
        plaintext = command.encode_command_cbor(order)
        sequence = self._store.next_downlink(member.id)
        name = topics.name(member.id, "down")
        message = trust.context(self._sender, newest.epoch).seal(sequence, name, plaintext)
        self._publish(member.prefix, topics.sealed_topic(member.id, "down").decode(), message)
        return True

    def _end(self, pending: _Pending, result: str, value: Value, why: str | None) -> CommandEnded:
        elapsed_ms = (time.monotonic() - pending.began) * 1000
        self._store.end_command(pending.id, result, value, why, time.time())
        return CommandEnded(pending.member.id, pending.name, result, value, why, elapsed_ms)
