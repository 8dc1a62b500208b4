"""Refusals, bounded: who can send one false message can send a million, and may not fill disk, memory or screen.

What is kept is one row for each minute, zone, mote and reason, with a count. What is said is a few events a second
for each mote, and then how many more there were.
"""

import time
from collections import Counter
from collections.abc import Iterable

from .events import MessageRefused
from .store import Store

REASONS = 16  # of one mote in one minute that have a row of their own
SAID = 8  # events of one mote in one second
_OTHER = "for still other reasons"


class Refusals:
    """Keeps and says them. True alerts have shares of their own, so that no flood of plain garbage hides them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._minute = 0
        self._reasons: dict[tuple[str, bool], set[str]] = {}
        self._second = 0
        self._said: Counter[tuple[str | None, bool]] = Counter()
        self._unsaid: Counter[tuple[str | None, str, bool, str]] = Counter()

    def keep(self, found: Iterable[tuple[float, MessageRefused]]) -> None:
        """Count refusals, each with the time it arrived, in seconds since 1970. Call inside a transaction."""
        rows: Counter[tuple[int, str, str, str, bool]] = Counter()
        begun = False
        for arrived, refused in found:
            minute = int(arrived // 60)
            if minute != self._minute:
                self._minute, begun = minute, True
                self._reasons.clear()
            mote = refused.mote or ""
            reasons = self._reasons.setdefault((mote, refused.alert), set())
            if len(reasons) < REASONS:
                reasons.add(refused.why)
            why = refused.why if refused.why in reasons else _OTHER
            rows[minute, refused.zone, mote, why, refused.alert] += refused.times
        self._store.add_refusals(rows)
        if begun:
            self._store.prune_refusals(self._minute)

    def say(self, refused: MessageRefused) -> MessageRefused | None:
        """`refused` where there is room for it in this second; else it is counted for `unsaid`."""
        whose = refused.mote, refused.alert
        if self._said[whose] >= SAID:
            self._unsaid[refused.mote, refused.zone, refused.alert, refused.kind] += refused.times
            return None
        self._said[whose] += 1
        return refused

    def unsaid(self, at_once: bool = False) -> list[MessageRefused]:
        """Once a second, or `at_once`: how many were not said, an event for each mote and zone."""
        second = int(time.monotonic())
        if second == self._second and not at_once:
            return []
        self._second = second
        self._said.clear()
        more = [
            MessageRefused(mote, zone, f"{times:,} more messages, not told one by one", alert, times, kind)
            for (mote, zone, alert, kind), times in self._unsaid.items()
        ]
        self._unsaid.clear()
        return more
