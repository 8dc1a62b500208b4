"""After a connection breaks: what the broker had delivered and was not told of comes first, as it was said first.

Some brokers deliver that again at once, some after a time, and newer messages until then. For that long after such a
session is resumed, what arrives waits here, unacknowledged, and never for longer than twice that: a connection that
breaks again and again delays a message and does not withhold it. A broker can put messages in any order it likes; this
is for one that means well.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from .intake import Delivery
from .zone import AnyReceipt, AnyZone


@dataclass(slots=True)
class Arrival:
    """A delivery, and where its broker waits to be told that it was taken."""

    zone: AnyZone
    receipt: AnyReceipt
    what: Delivery
    came: float = field(default_factory=time.monotonic)

    def waits(self, now: float) -> bool:
        """True while what its broker said before it may still come."""
        return now < min(self.zone.settled, self.came + 2 * self.zone.settles_s)


class Resumption:
    """Holds what arrives in a zone until the zone is settled. For the gateway's worker alone."""

    def __init__(self) -> None:
        self._held: list[Arrival] = []

    @property
    def held(self) -> list[Arrival]:
        """Those that are held."""
        return list(self._held)

    def pass_on(self, arrived: Iterable[Arrival]) -> list[Arrival]:
        """What may be taken now, of `arrived` and of what was held, in the order to take it in."""
        arrived, now = list(arrived), time.monotonic()
        if not self._held and all(zone.settled <= now for zone in {each.zone for each in arrived}):
            return arrived
        held, ready = _parted(self._held, now)
        later, fresh = _parted(arrived, now)
        self._held = held + later
        return _first_said_first(ready) + fresh


def _parted(arrivals: Iterable[Arrival], now: float) -> tuple[list[Arrival], list[Arrival]]:
    """Those that have to wait, and those that have not."""
    parts: tuple[list[Arrival], list[Arrival]] = ([], [])
    for each in arrivals:
        parts[not each.waits(now)].append(each)
    return parts


def _first_said_first(held: Iterable[Arrival]) -> list[Arrival]:
    """What comes again before what comes for the first time.

    A second copy of what came for the first time here stays where the first is: it is acknowledged with that.
    """
    again: list[Arrival] = []
    fresh: list[Arrival] = []
    for each in held:
        (again if each.what.message.redelivered else fresh).append(each)
    known = {(each.zone.access, each.receipt) for each in fresh}
    return [each for each in again if (each.zone.access, each.receipt) not in known] + fresh
