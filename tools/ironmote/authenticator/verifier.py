"""The decision: may this CONNECT open a session?

In order: the roster, the form, the MAC, the counter. Only a true MAC reaches the disk, so a stranger cannot keep the
disk busy; and the counter is on the disk before the answer is given.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from . import token
from .marks import MarksError
from .roster import Entry, Roster, RosterError, key_id

# Somebody unknown costs as much time as somebody known.
_NOBODY = Entry("nobody", (os.urandom(32),))


class Memory(Protocol):
    """What remembers counters: Marks."""

    def advance(self, zone: str, mote: str, key: bytes, others: list[bytes], counter: int) -> bool: ...


class Register(Protocol):
    """What knows the motes: RosterFile."""

    def current(self) -> Roster: ...


@dataclass(frozen=True)
class Decision:
    """`entry` is the mote that was let in, or None. `why` is for the log of this machine, never for who asked."""

    entry: Entry | None
    why: str


class Verifier:
    """Decides about CONNECTs to one zone."""

    def __init__(
        self, register: Register, memory: Memory, refused: Callable[[str, str], None] = lambda mote, why: None
    ) -> None:
        """`refused(mote, why)` is told of each that is; `mote` is "" for whoever is not on the roster."""
        self._register = register
        self._memory = memory
        self._refused = refused

    def decide(self, client_id: str | None, username: str, password: str) -> Decision:
        """Decide about one CONNECT. It never raises: what cannot be decided is refused.

        The client id must be the user name where the broker says what it is, else a mote could evict another.
        """
        try:
            roster = self._register.current()
        except RosterError as error:
            return Decision(None, str(error))
        decision = self._decide(roster, client_id, username, password)
        if decision.entry is None:
            self._refused(username if username in roster.entries else "", decision.why)
        return decision

    def _decide(self, roster: Roster, client_id: str | None, username: str, password: str) -> Decision:
        entry = roster.entries.get(username)
        known = entry or _NOBODY
        try:
            counter = token.counter_of(password)
        except token.TokenError as error:
            return Decision(None, str(error))
        verified = [
            index
            for index, key in enumerate(known.keys)
            if token.verifies(password, key, known.id if entry is None else username, roster.zone, counter)
        ]
        if entry is None:
            return Decision(None, "no mote of this zone")
        if not verified:
            return Decision(None, "the token does not verify")
        if client_id is not None and client_id != entry.id:
            return Decision(None, "another client id than its own")
        if counter == token.STATIC:
            if entry.static:
                return Decision(entry, "static password")
            return Decision(None, "counter zero, and this mote's settings do not say static")
        return self._count(entry, roster.zone, verified[0], counter)

    def _count(self, entry: Entry, zone: str, which: int, counter: int) -> Decision:
        ids = [key_id(key) for key in entry.keys]
        try:
            # A mote's counter never falls, whichever of its keys it uses.
            others = ids[:which] + ids[which + 1 :]
            if not self._memory.advance(zone, entry.id, ids[which], others, counter):
                return Decision(None, "this token, or a later one, was used before")
        except MarksError as error:
            return Decision(None, str(error))
        boot, connection = counter >> 32, counter & 0xFFFFFFFF
        return Decision(entry, f"boot {boot}, connection {connection}")
