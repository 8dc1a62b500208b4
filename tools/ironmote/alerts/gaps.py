"""Numbers of records that never came: each gap is looked at again after a while, in the store, before it is said."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ..gateway import RecordSeen
from . import kinds
from .book import Book

_WAIT_S = 600.0  # what was sent again, or came to another gateway of this store, is there by then
_MOST_GAPS = 32  # of one mote; more are one
_MOST_BOOTS = 4

Identity = tuple[int, int]  # generation and boot


@dataclass
class _Gap:
    life: Identity
    first: int
    last: int
    since: float


@dataclass
class _Mote:
    highest: dict[Identity, int] = field(default_factory=dict)
    gaps: list[_Gap] = field(default_factory=list)


class Gaps:
    """`stored(mote, generation, boot, first, last)` gives how many of these numbers the store has."""

    def __init__(self, book: Book, stored: Callable[[str, int, int, int, int], int]) -> None:
        self._book = book
        self._stored = stored
        self._motes: dict[str, _Mote] = {}

    def take(self, event: RecordSeen, now: float) -> None:
        """Note the number of a record that is new."""
        known = self._motes.get(event.mote)
        if known is None:
            known = self._motes[event.mote] = _Mote()
        life = event.generation, event.boot
        highest = known.highest.get(life)
        if highest is None and len(known.highest) >= _MOST_BOOTS:
            del known.highest[min(known.highest)]
        # A gateway that has just begun knows nothing of the numbers before, but of a boot that has just begun, too.
        if highest is not None and event.number > highest + 1:
            if len(known.gaps) < _MOST_GAPS:
                known.gaps.append(_Gap(life, highest + 1, event.number - 1, now))
            elif known.gaps[-1].life == life:
                known.gaps[-1].last = event.number - 1
        known.highest[life] = max(event.number, highest or 0)

    def tick(self, now: float) -> None:
        """Look at the gaps that are old enough."""
        for mote, known in self._motes.items():
            while known.gaps and now - known.gaps[0].since >= _WAIT_S:
                gap = known.gaps.pop(0)
                missing = gap.last - gap.first + 1 - self._stored(mote, *gap.life, gap.first, gap.last)
                if missing > 0:
                    numbers = f"numbers {gap.first} to {gap.last}" if gap.last > gap.first else f"number {gap.first}"
                    words = f"records that it had never came: {missing} of {numbers} in boot {gap.life[1]}"
                    self._book.seen(kinds.LOST, mote, words, now, "gap", missing)

    def forget(self, mote: str) -> None:
        """The mote is gone."""
        self._motes.pop(mote, None)
