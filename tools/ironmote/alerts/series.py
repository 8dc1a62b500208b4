"""One quantity of one mote: what is usual for it at this time of the day, and what is not.

Four things may be unusual about it: a value far outside of what it was at this time of the day, a change that is far
faster than any, and a value that stands still for far longer than ever. Nothing is said before a whole day was seen.
What is unusual is learnt only once it has lasted for `_GETS_USUAL_S`: then it is the new usual.
"""

import math
import struct
import time
from dataclasses import dataclass, field

from .learnt import WEEK_S, LearntError, Most, Sketch, pack, unpack

SLOTS = 8  # parts of the day, of three hours each
_SLOT_H = 24 // SLOTS
_DAY_S = 86_400.0
_LEARNS_S = _DAY_S  # before anything is said
_FEW = 8  # values at this time of the day that are too few to say anything
_GETS_USUAL_S = 3 * 3600.0
_RANK = 0.05
_MARGINS = ((3, 1.0), (7, 0.5), (math.inf, 0.25))  # days seen, and how far outside, in spreads, a value is unusual
_OF_LEVEL = 0.02  # a change by less of the value itself never is
_TIMES_FASTER = 2.0
_TIMES_STILL = 2.0
_LEAST_STILL_S = 3600.0
_HEAD = struct.Struct(">Bddddd")
_FORMAT = 1
_BATCH_S = 1.0  # readings closer than that tell nothing of how fast a value changes


@dataclass
class Series:
    """Times are seconds since 1970."""

    began: float = 0.0
    rolled: float = 0.0
    last_at: float = 0.0
    last: float = math.nan
    still_since: float = 0.0
    whole: Sketch = field(default_factory=Sketch)
    changes: Sketch = field(default_factory=Sketch)
    still: Most = field(default_factory=Most)
    slot: int = -1
    here: Sketch = field(default_factory=Sketch)  # of the slot
    others: list[tuple[bytes, bytes]] = field(default_factory=lambda: [(b"", b"")] * SLOTS)
    odd_since: float | None = None

    def take(self, value: float, at: float) -> dict[str, str]:
        """Judge `value`, measured at `at`, then learn it. Gives what is unusual: "value", "change" or "still", in words."""
        if not math.isfinite(value) or at <= self.last_at:
            return {}
        self._turn(at)
        found = self._judge(value, at) if at - self.began >= _LEARNS_S else {}
        if found and self.odd_since is None:
            self.odd_since = at
        elif not found:
            self.odd_since = None
        if self.odd_since is None or at - self.odd_since >= _GETS_USUAL_S:
            self._learn(value, at)
        if value != self.last:
            self.still_since = at
        self.last, self.last_at = value, at
        return found

    def _judge(self, value: float, at: float) -> dict[str, str]:
        found = {}
        spread = self.whole.spread(_RANK)
        level = max(abs(self.whole.low), abs(self.whole.high)) if self.whole.count else abs(value)
        days = (at - self.began) / _DAY_S
        margin = max(spread * next(part for most, part in _MARGINS if days < most), _OF_LEVEL * level)
        if self.here.count >= _FEW:
            low, high = self.here.low, self.here.high
            if not low - margin <= value <= high + margin:
                found["value"] = f"{_number(value)} {{unit}}; {_span(days)} between {_number(low)} and {_number(high)} {self._when()}"
        gap = at - self.last_at
        if value != self.last and gap >= _BATCH_S and self.changes.count >= _FEW:
            most, step = self.changes.high, value - self.last
            if abs(step) / gap > _TIMES_FASTER * most and abs(step) > max(spread / 2, _OF_LEVEL * level):
                found["change"] = (
                    f"from {_number(self.last)} to {_number(value)} {{unit}} in {_short(gap)}; "
                    f"{_span(days)} never more than {_number(most * gap)} in such a time"
                )
        stands_s = at - self.still_since
        if value == self.last and spread and stands_s > max(_TIMES_STILL * self.still.most, _LEAST_STILL_S):
            found["still"] = (
                f"exactly {_number(value)} {{unit}} for {_short(stands_s)}; {_span(days)} "
                f"never for longer than {_short(self.still.most)}"
            )
        return found

    def _learn(self, value: float, at: float) -> None:
        self.whole.add(value)
        self.here.add(value)
        gap = at - self.last_at
        if value != self.last and gap >= _BATCH_S and not math.isnan(self.last):
            self.changes.add(abs(value - self.last) / gap)
        if value == self.last:
            self.still.add(at - self.still_since)

    def _turn(self, at: float) -> None:
        """Begin the slot, and the week, in which `at` is."""
        if not self.began:
            self.began = self.rolled = self.still_since = at
        slot = time.localtime(at).tm_hour // _SLOT_H
        if slot != self.slot:
            self._shelve()
            self.slot, self.here = slot, _sketch(self.others[slot])
        if at - self.rolled >= WEEK_S:
            self.rolled = at
            self._shelve()
            self.others = [(b"", now) for now, _ in self.others]
            self.here = _sketch(self.others[slot])
            for each in (self.whole, self.changes, self.still):
                each.roll()

    def _shelve(self) -> None:
        if self.slot >= 0:
            self.others[self.slot] = self.here.parts()

    def _when(self) -> str:
        return f"from {self.slot * _SLOT_H:02}:00 to {(self.slot + 1) * _SLOT_H:02}:00"

    def pack(self) -> bytes:
        """All of it, to be kept."""
        self._shelve()
        head = _HEAD.pack(_FORMAT, self.began, self.rolled, self.last_at, self.last, self.still_since)
        slots = [part for pair in self.others for part in pair]
        return pack([head, *self.whole.parts(), *self.changes.parts(), self.still.part(), *slots])


def unpack_series(data: bytes) -> Series:
    """The series that `pack` gave. Raises LearntError."""
    head, whole, whole_before, changes, changes_before, still, *slots = unpack(data, 6 + 2 * SLOTS)
    if len(head) != _HEAD.size or head[0] != _FORMAT:
        raise LearntError("not of this version")
    _, began, rolled, last_at, last, still_since = _HEAD.unpack(head)
    others = list(zip(slots[::2], slots[1::2], strict=True))
    for pair in others:
        _sketch(pair)  # so that what is wrong with it is found here
    return Series(
        began,
        rolled,
        last_at,
        last,
        still_since,
        Sketch(whole, whole_before),
        Sketch(changes, changes_before),
        Most(still),
        others=others,
    )


def _sketch(parts: tuple[bytes, bytes]) -> Sketch:
    return Sketch(*parts)


def _number(value: float) -> str:
    return f"{value:.4g}"


def _short(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _span(days: float) -> str:
    return "since yesterday" if days < 2 else f"in the last {min(days, 14):.0f} days"
