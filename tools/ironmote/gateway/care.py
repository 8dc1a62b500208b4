"""Care for the keys of sealed motes: is a mote really there, and has it taken its new root key?

Both are commands to the mote itself (mote.care), sent when it was just heard, since a sleeper listens only then, and
again as long as it does not answer: every one of these messages may be lost. A challenge keeps its id and random
value while it goes out again; its value was drawn by this process, so no recording answers it.
"""

import hmac
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mote import command
from mote.command import CHALLENGE, ROTATE

from .events import Event, MoteConfirmed, RootKept, RootRotated
from .store import Store
from .trust import MoteTrust

_AGAIN_S = 2.0
_ID_BYTES = 8
_VALUE_BYTES = 16


@dataclass(slots=True)
class _Asked:
    """A command to a mote that has no answer yet."""

    name: str
    value: bytes = field(repr=False)
    id: bytes = field(default_factory=lambda: os.urandom(_ID_BYTES))
    epoch: bytes = b""
    sent: float = 0.0  # monotonic seconds


class KeyCare:
    """Challenges every sealed mote once, and hands on the updates of those whose root key is being replaced.

    `send(mote, id, name, value)` seals a command and publishes it. Everything here runs on the gateway's worker.
    """

    def __init__(
        self, trusts: Mapping[str, MoteTrust], store: Store, send: Callable[[str, bytes, str, bytes], None]
    ) -> None:
        self._trusts = trusts
        self._store = store
        self._send = send
        self._asked: dict[tuple[str, str], _Asked] = {}
        self._begun: set[str] = set()  # motes of which it is known what to ask: each when it is heard first

    def challenge(self, mote: str) -> None:
        """Ask `mote` to prove that it is there, when it is heard next."""
        self._asked[mote, CHALLENGE] = _Asked(CHALLENGE, os.urandom(_VALUE_BYTES))

    def rotate(self, mote: str) -> None:
        """Hand on the update of the mote's successor, when it is heard next; does nothing where there is none."""
        successor = self._trusts[mote].successor
        if successor is not None:
            self._asked[mote, ROTATE] = _Asked(ROTATE, successor.update)

    def forget(self, mote: str) -> None:
        """Ask `mote` nothing more of what was to be asked; heard again, it is as if for the first time."""
        self._begun.discard(mote)
        for name in (CHALLENGE, ROTATE):
            self._asked.pop((mote, name), None)

    def answered(self, mote: str, answer: command.Answer, boot: int, sequence: int) -> list[Event]:
        """Take an answer that verified in message `sequence` of `boot`. Call inside the store's transaction."""
        asked = self._asked.get((mote, answer.name))
        if asked is None or asked.id != answer.id:
            return []
        trust = self._trusts[mote]
        if answer.result == command.EXPIRED:
            asked.epoch = b""  # it goes out again on a fresh anchor
        elif answer.name == ROTATE:
            # Where it was done, the proof of it is the first message under the new key; until then it goes out again.
            if answer.result == command.REFUSED and trust.successor is not None:
                del self._asked[mote, ROTATE]
                return [RootKept(mote, trust.successor.generation, answer.why or "no reason given")]
        elif isinstance(answer.value, bytes) and hmac.compare_digest(answer.value, asked.value):
            del self._asked[mote, CHALLENGE]
            trust.confirm(boot, sequence)
            self._store.set_confirmed(mote, boot)
            return [MoteConfirmed(mote, boot)]
        return []

    def settle(self, mote: str) -> list[Event]:
        """See whether `mote` was heard under another root key than before. Call inside the store's transaction."""
        trust = self._trusts[mote]
        if not trust.retired:
            return []
        trust.retired = False
        self._store.set_generation(mote, trust.generation)
        self._asked.pop((mote, ROTATE), None)
        self.challenge(mote)  # the mote keeps its old key until something verifies under the new one
        return [RootRotated(mote, trust.generation)]

    def renew(self, mote: str) -> None:
        """Take up what the trust of `mote` says is not done, after it has been loaded from the store."""
        trust = self._trusts[mote]
        if not trust.confirmed and (mote, CHALLENGE) not in self._asked:
            self.challenge(mote)
        if trust.successor is None:
            self._asked.pop((mote, ROTATE), None)
        elif (mote, ROTATE) not in self._asked:
            self.rotate(mote)

    def asks(self, mote: str, answer: command.Answer) -> bool:
        """True where this is an answer to what was asked here."""
        asked = self._asked.get((mote, answer.name))
        return asked is not None and asked.id == answer.id

    def behind(self, mote: str) -> None:
        """The count of downlinks was behind what `mote` has seen: what was asked it has refused, so ask at once."""
        for name in (CHALLENGE, ROTATE):
            if asked := self._asked.get((mote, name)):
                asked.epoch = b""

    def due(self, mote: str) -> bool:
        """True where there is something to ask of `mote` now that it was heard."""
        return self._due(mote) is not None

    def heard(self, mote: str) -> None:
        """`mote` was just heard, so it listens: ask what it has not answered, a rotation only after the challenge."""
        asked, newest = self._due(mote), self._trusts[mote].newest
        if asked is not None and newest is not None:
            asked.epoch, asked.sent = newest.epoch, time.monotonic()
            self._send(mote, asked.id, asked.name, asked.value)

    def _due(self, mote: str) -> _Asked | None:
        trust = self._trusts[mote]
        if mote not in self._begun:
            self._begun.add(mote)
            self.renew(mote)
        newest = trust.newest
        asked = self._asked.get((mote, CHALLENGE)) or self._asked.get((mote, ROTATE))
        if newest is None or newest.window.highest < 0 or asked is None:
            return None
        again = asked.epoch == newest.epoch and time.monotonic() - asked.sent < _AGAIN_S
        return None if again else asked
