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
_FRESH = 32
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
    turn_at: float = 0.0  # when the next part of the day begins
    # Limits, and for how many values they are good still.
    fresh: int = 0
    lowest: float = -math.inf
    highest: float = math.inf
    fastest: float = math.inf
    least_step: float = math.inf
    longest_still: float = math.inf

    def take(self, value: float, at: float) -> dict[str, str]:
        """Judge `value`, measured at `at`, then learn it.

        Gives what is unusual, in words: "value", "change" or "still".
        """
        if not math.isfinite(value) or at <= self.last_at:
            return {}
        if at >= self.turn_at:
            self._turn(at)
        found = self._judge(value, at) if at - self.began >= _LEARNS_S else {}
        if not found:
            self.odd_since = None
        elif self.odd_since is None:
            self.odd_since = at
        if self.odd_since is None or at - self.odd_since >= _GETS_USUAL_S:
            self._learn(value, at)
        if value != self.last:
            self.still_since = at
        self.last, self.last_at = value, at
        return found

    def _judge(self, value: float, at: float) -> dict[str, str]:
        if not self.fresh:
            self._compute(at)
            self.fresh = _FRESH
        self.fresh -= 1
        found = {}
        span = _span((at - self.began) / _DAY_S)
        if not self.lowest <= value <= self.highest and self.here.count >= _FEW:
            usual = f"{_number(self.here.low)} and {_number(self.here.high)}"
            found["value"] = f"{_number(value)}$unit; {span} between {usual} {self._when()}"
        if value != self.last:
            gap, step = at - self.last_at, value - self.last
            if gap >= _BATCH_S and abs(step) > self.least_step and abs(step) > _TIMES_FASTER * self.fastest * gap:
                usual = f"never more than {_number(self.fastest * gap)} in such a time"
                found["change"] = f"from {_number(self.last)} to {_number(value)}$unit in {_short(gap)}; {span} {usual}"
        elif at - self.still_since > self.longest_still:
            stands, usual = _short(at - self.still_since), f"never for longer than {_short(self.still.most)}"
            found["still"] = f"exactly {_number(value)}$unit for {stands}; {span} {usual}"
        return found

    def _compute(self, at: float) -> None:
        """The limits, as they follow from what was learnt."""
        days = (at - self.began) / _DAY_S
        spread = self.whole.spread(_RANK)
        level = _OF_LEVEL * max(abs(self.whole.low), abs(self.whole.high)) if self.whole.count else math.inf
        margin = max(spread * next(part for most, part in _MARGINS if days < most), level)
        few = self.here.count < _FEW
        self.lowest = -math.inf if few else self.here.low - margin
        self.highest = math.inf if few else self.here.high + margin
        self.fastest = self.changes.high if self.changes.count >= _FEW else math.inf
        self.least_step = max(spread / 2, level)
        self.longest_still = max(_TIMES_STILL * self.still.most, _LEAST_STILL_S) if spread else math.inf

    def _learn(self, value: float, at: float) -> None:
        self.whole.add(value)
        self.here.add(value)
        gap = at - self.last_at
        if value != self.last and gap >= _BATCH_S and not math.isnan(self.last):
            self.changes.add(abs(value - self.last) / gap)
        if value == self.last:
            self.still.add(at - self.still_since)

    def _turn(self, at: float) -> None:
        """Begin the part of the day, and the week, in which `at` is."""
        if not self.began:
            self.began = self.rolled = self.still_since = at
        self._shelve()
        if at - self.rolled >= WEEK_S:
            self.rolled = at
            self.others = [(b"", now) for now, _ in self.others]
            for each in (self.whole, self.changes, self.still):
                each.roll()
        now = time.localtime(at)
        self.slot = now.tm_hour // _SLOT_H
        self.turn_at = at + _SLOT_H * 3600 - (now.tm_hour % _SLOT_H * 3600 + now.tm_min * 60 + now.tm_sec)
        self.here = Sketch(*self.others[self.slot])
        self.fresh = 0

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
        Sketch(*pair)  # so that what is wrong with it is found here
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


def _number(value: float) -> str:
    return f"{value:.4g}"


def _short(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _span(days: float) -> str:
    return "since yesterday" if days < 2 else f"in the last {min(days, 14):.0f} days"
