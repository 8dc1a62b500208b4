"""Whom the gateway serves, and under which keys: who comes, goes, is revoked, or is given another root key."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from mote import command

from ..errors import IronmoteError
from .care import KeyCare
from .downlink import Downlink
from .events import CommandEnded, Event, MoteRevoked, RootRotated
from .members import Member, Successor
from .sharing import Sharing
from .store import Store
from .trust import MoteTrust
from .trusts import Trusts
from .uplink import REVOKED, Uplink


class Served:
    """For the gateway's worker alone, as is all that it has: `trusts`, `uplink`, `downlink`, `care`, `sharing`.

    `patiently(write)` does what must reach the disk, again and again while it cannot; what raises then ends the worker.
    """

    def __init__(
        self,
        fleet_id: bytes,
        members: Iterable[Member],
        zones: Iterable[tuple[str, str]],
        store: Store,
        publish: Callable[[str, str, bytes], None],
        patiently: Callable[[Callable[[], Any]], Any],
    ) -> None:
        """`zones` has name and prefix of each connection; `publish(prefix, topic, payload)` speaks to a mote."""
        members = list(members)
        self.members = {member.id: member for member in members}
        self.untold: list[Event] = []  # what whoever listens is to be told of all this
        self.due: list[str] = []  # motes that are to be spoken to, which may not say anything by themselves for hours
        self._told = dict(self.members)  # as the owner's fleet had them last
        self._fleet_id = fleet_id
        self._store = store
        self._patiently = patiently
        self.trusts = Trusts(lambda mote: self._trust(self.members[mote]))
        for member in members:
            if member.seal_key is not None:
                self.trusts.admit(member.id)
        self.sharing = Sharing(store, self.trusts, self.believe) if store.shared else None
        self.uplink = Uplink(members, self.trusts, zones, self.sharing)
        self.downlink = Downlink(members, self.trusts, store, publish)
        self.care = KeyCare(self.trusts, store, self.downlink.ask)
        standings = store.standings()
        for member in members:
            self._judge(member, *standings.get(member.id, (0, 0)))

    def reload(self) -> None:
        """Believe again what the store says: what was verified since is not on the disk, and will come again."""
        for mote, _ in list(self.trusts.made()):
            self.believe(mote)

    def believe(self, mote: str) -> None:
        """Believe of one mote what the store says; of a shared one, also what another gateway was told."""
        member, trust = self.members[mote], self.trusts.get(mote)
        heard, revoked = self._store.standing(mote)
        if trust is not None:
            generation, key, successor = self._keys(member)
            trust.reload(generation, key, self._store.epochs(mote), successor, self._store.confirmed(mote), heard)
            self.care.renew(mote)
        generation = member.generation if trust is None else trust.generation
        if self.sharing is not None and generation <= revoked and not self.uplink.refuses(mote):
            self.untold += [*self._refuse(mote), MoteRevoked(mote)]

    def begin(self, mote: str) -> None:
        """Inside a transaction, first of all: no other gateway with this store writes of `mote` until it ends."""
        if self.sharing is not None:
            self.sharing.begin([mote])

    def waits(self, mote: str, answer: command.Answer) -> bool:
        """True where this gateway waits for that answer."""
        return self.care.asks(mote, answer) or self.downlink.asks(answer)

    def take_up(self, members: Iterable[Member]) -> None:
        """Serve `members`, and nobody else. Whoever stays as it was is served without a break."""
        told, before = {member.id: member for member in members}, self._told
        self._told = told
        for mote in before.keys() - told.keys():
            self.uplink.dismiss(mote)
            self.care.forget(mote)
            self.trusts.pop(mote, None)
            self.untold += self.downlink.dismiss(mote)
            self.members.pop(mote, None)
        for mote, member in told.items():
            if member != before.get(mote):
                self._patiently(partial(self._renew, before.get(mote), member))

    def rotate(self, mote: str, successor: Successor) -> None:
        """Give a mote another root key, unless it was heard under that one meanwhile, or is gone."""
        if mote not in self.members or self.trusts[mote].generation >= successor.generation:
            return
        # The member as it is now: an earlier rotation may have ended since it was made.
        generation, key, _ = self._patiently(lambda: self._keys(self.members[mote]))
        self.members[mote] = replace(self.members[mote], generation=generation, seal_key=key, successor=successor)
        self.trusts[mote].successor = successor
        self.care.rotate(mote)
        self.due.append(mote)

    def revoke(self, mote: str) -> None:
        """Believe nothing of a mote any more, over restarts too, until it has a root key of a later generation."""
        if mote not in self.members:
            return
        trust = self.trusts.get(mote)
        generation = trust.generation if trust else self.members[mote].generation
        self.untold += self._refuse(mote)
        self._patiently(lambda: self._save_revoked(mote, generation))
        self.untold.append(MoteRevoked(mote))

    def _judge(self, member: Member, heard: int, revoked: int) -> None:
        """Refuse what the store says that nobody is to believe, and note what the owner's fleet has not heard of."""
        if member.revoked:
            self._refuse(member.id)
        elif member.generation <= revoked:  # here alone: the owner's fleet has it still
            self._refuse(member.id)
            self.untold.append(MoteRevoked(member.id))
        elif member.seal_key is not None and member.latest < heard:
            self._refuse(member.id, f"heard under root key {heard} before, and the fleet has only an older one")
        elif member.successor is not None and heard >= member.successor.generation:
            self.untold.append(RootRotated(member.id, heard))

    def _renew(self, before: Member | None, member: Member) -> None:
        """Serve `member`, who is new or another than it was."""
        mote, trust = member.id, self.trusts.get(member.id)
        as_before = before is not None and _but_for_keys(before) == _but_for_keys(member) and not member.revoked
        if as_before and trust is not None and trust.has(member.generation, member.seal_key):
            # Under the key that it has: a rotation begins, has ended, or was given up.
            if member.successor is not None and trust.successor != member.successor:
                self.rotate(mote, member.successor)
            self.members[mote] = member
            self.uplink.marks.add(member)
            return
        self.members[mote] = member
        self.care.forget(mote)
        self.trusts.pop(mote, None)
        if member.seal_key is not None:
            self._store.forget_confirmed(mote)
            self.trusts.admit(mote)
        self.uplink.admit(member)
        self.untold += self.downlink.admit(member)
        self._judge(member, *self._store.standing(mote))
        if member.revoked and not (before is not None and before.revoked):
            self._save_revoked(mote, member.generation)
            self.untold.append(MoteRevoked(mote))

    def _trust(self, member: Member) -> MoteTrust:
        """What is believed of a sealed mote, from the store; a key that was retired there stays retired."""
        generation, key, successor = self._keys(member)
        return MoteTrust(member.id, generation, key, self._fleet_id, self._store.epochs(member.id), successor)

    def _keys(self, member: Member) -> tuple[int, bytes, Successor | None]:
        """Generation, seal key and successor of a sealed mote, as far as it was heard under them."""
        generation, key, successor = member.generation, member.seal_key, member.successor
        if successor is not None and self._store.standing(member.id)[0] >= successor.generation:
            generation, key, successor = successor.generation, successor.seal_key, None
        if key is None:
            raise IronmoteError(f"{member.id} is not sealed")
        return generation, key, successor

    def _save_revoked(self, mote: str, generation: int) -> None:
        with self._store.transaction():
            self._store.set_revoked(mote, generation)

    def _refuse(self, mote: str, why: str = REVOKED) -> list[CommandEnded]:
        self.uplink.revoke(mote, why)
        self.care.forget(mote)
        return self.downlink.revoke(mote)


def _but_for_keys(member: Member) -> Member:
    return replace(member, generation=0, seal_key=None, successor=None)
