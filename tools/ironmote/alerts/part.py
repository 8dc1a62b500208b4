"""Alerts as a part of the gateway's service (gateway.service.PARTS)."""

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from ..authenticator.tally import Tallies
from ..brokers.written import NATS
from ..gateway.database import open_beside
from . import kinds
from .alert import Alert
from .book import Book
from .desk import Desk
from .dispatch import Dispatch
from .expected import Expectation, OfMote
from .kept import Kept
from .redelivery import Redelivery
from .rules import Rules
from .zones import Zones

if TYPE_CHECKING:
    from ..gateway.service import Service


class Alerts:
    """What the owner asks of the alerts of a gateway that runs, by gateway.owner.Owner.ask. Any thread may."""

    def __init__(self, service: "Service", desk: Desk) -> None:
        self._service = service
        self._desk = desk

    def offer(self) -> None:
        """Offer the owner `alerts` (since=…), `acknowledge` (alert=…) and `release` (mote=…); see Source."""
        offer = self._service.owner.offer
        offer("alerts", lambda since=None: self._desk.alerts(since))
        offer("acknowledge", lambda alert: self._desk.acknowledge(alert))
        offer("release", self.release)

    def quarantine(self, mote: str, why: str) -> None:
        """Put a mote in quarantine. On the desk's thread, or in what is called there."""
        self._desk.kept.quarantine(mote, why)
        self.take_up()

    def release(self, mote: str) -> bool:
        """Take a mote out of quarantine; False where it was not in it."""
        return self._desk.call(lambda kept, book, now: self._release(kept, mote))

    def _release(self, kept: Kept, mote: str) -> bool:
        found = kept.release(mote)
        self.take_up()
        return found

    def take_up(self) -> None:
        """Have the gateway keep to the quarantine as it is in the store. On the desk's thread."""
        self._service.gateway.quarantined = self._desk.kept.quarantined()


class _Expectations:
    """What is expected of each mote, for as long as the roster stays the same."""

    def __init__(self, service: "Service") -> None:
        self._service = service
        self._roster: object = None
        self._known: dict[str, Expectation] = {}

    def __call__(self, mote: str) -> Expectation:
        roster = self._service.roster
        if roster is not self._roster:
            self._roster, self._known = roster, {}
        found = self._known.get(mote)
        if found is None:
            entry = roster.entries.get(mote)
            ends = None if entry is None else entry.certificate_ends
            names = () if entry is None else (str(each.get("name")) for each in entry.actuators)
            found = self._known[mote] = OfMote(self._service.folder, mote, ends, names)
        return found


@contextlib.contextmanager
def part(service: "Service") -> Iterator[None]:
    """Make alerts of what the gateway of `service` tells. Raises IronmoteError where that cannot begin."""
    rules: Rules = service.settings.rules

    def tell(alert: Alert) -> None:
        service.owner.tell(alert.line())
        dispatch.changed(alert)

    def look(book: Book, now: float) -> None:
        zones.look(book, service.gateway.zones, now)
        redelivery.look(book, service.gateway.redelivered, now)
        alerts.take_up()  # another gateway of this store may have changed it
        for (mote, why), times in tallies.more().items():
            words = why if mote else f"{why}, of clients that are no motes of this zone"
            book.seen(kinds.AUTHENTICATION, mote, words, now, times=times)

    def listening(mote: str) -> float:
        entry = service.roster.entries.get(mote)
        return math.inf if entry is None else zones.heard_since(entry.member.zone)

    zones, redelivery = Zones(), Redelivery()
    desk = Desk(
        lambda: Kept(open_beside(service.store)),
        _Expectations(service),
        lambda: service.roster.entries,
        tell,
        look=look,
        listening=listening,
    )
    tallies = Tallies(service.folder.paths.broker(NATS))
    tallies.more()  # what was before is no news
    alerts = Alerts(service, desk)
    dispatch = Dispatch(rules, service.folder.file.name, desk, alerts.quarantine, service.gateway.revoke)
    desk.start()
    try:
        desk.call(lambda kept, book, now: alerts.take_up())
        alerts.offer()
        dispatch.start()
        # What was to be done when the gateway ended is done now.
        desk.call(lambda kept, book, now: _each(dispatch.changed, book.open))
        end = service.hub.add(desk.take)
        try:
            yield
        finally:
            end()
    finally:
        dispatch.stop()
        desk.stop()


def _each(work: Callable[[Alert], None], alerts: Iterable[Alert]) -> None:
    for alert in alerts:
        work(alert)
