"""What other gateways with the same store did, taken part in: their answers, revocations, and what they heard."""

from collections.abc import Callable, Iterable

from .answers import Forwarded
from .events import CommandEnded, Event
from .served import Served
from .sharing import Sharing
from .store import Store


class Peers:
    """For the gateway's worker alone. `tell` is told what comes of it."""

    def __init__(
        self, sharing: Sharing, served: Served, store: Store, tell: Callable[[Event | CommandEnded | None], None]
    ) -> None:
        self._sharing = sharing
        self._served = served
        self._store = store
        self._tell = tell

    def catch_up(self) -> list[str]:
        """Take what others left for us; gives motes that they heard. Raises StoreError: then it is there still."""
        served = self._served
        news = self._sharing.catch_up(served.downlink.pending)
        if news is None:
            return []
        for command_id in news.overtaken:
            served.downlink.overtake(command_id)
        for each in news.answers:
            if each.mote in served.members and served.waits(each.mote, each.answer):
                self._fetch(each)
        self.renew(news.moved)
        return news.moved

    def renew(self, motes: Iterable[str]) -> None:
        """Load what another gateway has moved, each in a transaction of its own: none waits for more than one mote."""
        for mote in motes:
            with self._store.transaction():
                self._sharing.begin([mote])

    def _fetch(self, found: Forwarded) -> None:
        """Take an answer that another gateway has verified."""
        events: list[Event] = []
        trusts, care = self._served.trusts, self._served.care
        with self._store.transaction():
            self._sharing.begin([found.mote])
            newest = trusts[found.mote].newest if found.mote in trusts else None
            if newest is not None and newest.boot == found.boot and found.sequence is not None:
                events = care.answered(found.mote, found.answer, found.boot, found.sequence)
                self._store.save_epochs({found.mote: trusts[found.mote].to_store()})
                self._sharing.end([found.mote])
            self._store.answers.remove(found)
        for event in events:
            self._tell(event)
        self._tell(self._served.downlink.answered(found.mote, found.answer))
