"""What is unusual for a mote: its values, how often it connects, how often and how much it says. Learnt online.

It needs Apache DataSketches (pip install datasketches); without, all other alerts are there all the same.
Bounded: `MOST_SERIES` quantities in memory, `MOST_NAMES` of one mote. What was learnt is kept once an hour a mote.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ..errors import MissingTool
from ..gateway import RecordSeen, StateSeen
from ..plain import plain
from . import kinds
from .book import Book
from .expected import Expectation
from .kept import Kept

try:
    from .learnt import WEEK_S, LearntError, Most, pack, unpack
    from .series import Series, unpack_series
except ImportError as error:
    raise MissingTool("what is unusual needs Apache DataSketches: pip install datasketches") from error

MOST_SERIES = 50_000
MOST_NAMES = 16
_KEEP_EACH_S = 3600.0
_LEARNS_S = 86_400.0
_USUAL_AGAIN_S = 900.0
_BUCKETS = {"records": 600.0, "connections": 3600.0}  # what is counted, and over how many seconds
_FEWEST = {"records": 30, "connections": 5}
_TIMES_MORE = 3.0
_LATE_S = 60.0  # what comes later than that after it was taken has waited: it says nothing of how often a mote speaks
_HABITS = "habits"
_UNITS = {"Cel": " °C", "%RH": " %RH", "lx": " lx", "V": " V", "Pa": " Pa", "hPa": " hPa", "%": " %"}


@dataclass
class _Count:
    """How often something happened in a stretch of time, and the most that it ever did."""

    most: Most = field(default_factory=Most)
    bucket: int = 0
    count: int = 0

    def happened(self, now: float, length_s: float) -> None:
        """Once more."""
        bucket = int(now // length_s)
        if bucket != self.bucket:
            self.most.add(self.count)
            self.bucket, self.count = bucket, 0
        self.count += 1


@dataclass
class _Mote:
    series: dict[str, Series] = field(default_factory=dict)
    counts: dict[str, _Count] = field(default_factory=lambda: {name: _Count() for name in _BUCKETS})
    size: Most = field(default_factory=Most)
    began: float = 0.0
    rolled: float = 0.0
    kept: float = 0.0
    connection: tuple[int, int] | None = None
    odd: dict[str, float] = field(default_factory=dict)  # what is unusual, and when it was last


class Unusual:
    """Learns from what happens, and puts what is unusual into the book. For one thread."""

    def __init__(self, book: Book, kept: Kept, expected: Callable[[str], Expectation]) -> None:
        self._book = book
        self._kept = kept
        self._expected = expected
        self._motes: dict[str, _Mote] = {}
        self._count = 0

    def take(self, event: RecordSeen | StateSeen, now: float) -> None:
        """Learn from it, and judge it."""
        if not event.confirmed:
            return  # it may be a recording
        mote = self._motes.get(event.mote) or self._load(event.mote, now)
        if isinstance(event, StateSeen):
            connection = event.state.boot, event.state.connection
            if event.state.online and connection != mote.connection:
                mote.connection = connection
                self._often(event.mote, mote, "connections", "it connected {} times in an hour", now)
            return
        self._readings(event, mote, now)
        if event.taken is None or event.arrived - event.taken < _LATE_S:
            self._often(event.mote, mote, "records", "it sent {} records in ten minutes", now)
        if mote.size.most and now - mote.began >= _LEARNS_S and event.size > 2 * mote.size.most + 64:
            words = f"a message of {event.size} bytes; none was of more than {mote.size.most:.0f}"
            self._odd(event.mote, mote, "size", words, now)
        else:
            mote.size.add(event.size)
            self._usual(event.mote, mote, "size", now)

    def _readings(self, event: RecordSeen, mote: _Mote, now: float) -> None:
        for reading in event.readings:
            value = reading.value
            if isinstance(value, bool | str) or value is None or abs(value) > 1e300:
                continue
            series = mote.series.get(reading.name)
            if series is None:
                if (
                    len(mote.series) >= MOST_NAMES
                    or self._count >= MOST_SERIES
                    or self._is_set(event.mote, reading.name)
                ):
                    continue
                self._count += 1
                series = mote.series[reading.name] = Series()
            at = reading.time or event.taken or event.arrived
            found = series.take(float(value), min(at, now))
            for what in ("value", "change", "still"):
                name = f"{reading.name} {what}"
                if what in found:
                    unit = _UNITS.get(reading.unit or "", f" {plain(reading.unit)}" if reading.unit else "")
                    clock = time.strftime("%H:%M", time.localtime(at))
                    words = f"{clock}: {event.mote} {reading.name} {found[what].replace('$unit', unit)}"
                    self._odd(event.mote, mote, name, words, now)
                elif name in mote.odd:
                    self._usual(event.mote, mote, name, now)

    def _is_set(self, mote: str, name: str) -> bool:
        """True where this is what an actuator is at: whoever commands it decides that."""
        return name in self._expected(mote).actuators

    def _often(self, mote_id: str, mote: _Mote, what: str, words: str, now: float) -> None:
        count = mote.counts[what]
        count.happened(now, _BUCKETS[what])
        most = max(_TIMES_MORE * count.most.most, _FEWEST[what])
        if count.count > most and now - mote.began >= _LEARNS_S:
            usual = f"; it never did so more than {count.most.most:.0f} times"
            self._odd(mote_id, mote, what, words.format(count.count) + usual, now)
        else:
            self._usual(mote_id, mote, what, now)

    def _odd(self, mote_id: str, mote: _Mote, what: str, words: str, now: float) -> None:
        mote.odd[what] = now
        self._book.seen(kinds.UNUSUAL, mote_id, words, now, what)

    def _usual(self, mote_id: str, mote: _Mote, what: str, now: float) -> None:
        since = mote.odd.get(what)
        if since is not None and now - since >= _USUAL_AGAIN_S:
            del mote.odd[what]
            self._book.over(kinds.UNUSUAL, mote_id, now, what)

    def forget(self, mote: str) -> None:
        """The mote is gone: what was learnt of it is, too."""
        known = self._motes.pop(mote, None)
        self._count -= len(known.series) if known else 0
        self._kept.forget(mote)

    def keep(self, now: float, everything: bool = False) -> None:
        """Keep what was learnt, of each mote once an hour, or of all; raises StoreError."""
        rows: list[tuple[str, str, bytes]] = []
        due = [each for each in self._motes.items() if everything or now - each[1].kept >= _KEEP_EACH_S]
        for mote_id, mote in due:
            rows.append((mote_id, _HABITS, _pack(mote)))
            rows += [(mote_id, f"of {name}", series.pack()) for name, series in mote.series.items()]
        if rows:
            self._kept.save_learnt(rows, now)
        for _, mote in due:
            mote.kept = now

    def _load(self, mote_id: str, now: float) -> _Mote:
        found = self._kept.learnt(mote_id)
        mote = _Mote(began=now, rolled=now)
        try:
            if _HABITS in found:
                mote = _unpack(found.pop(_HABITS))
            for what, data in found.items():
                if len(mote.series) < MOST_NAMES and self._count < MOST_SERIES:
                    mote.series[what.removeprefix("of ")] = unpack_series(data)
                    self._count += 1
        except LearntError:  # of another version: it is learnt again
            mote = _Mote(began=now, rolled=now)
        if now - mote.rolled >= WEEK_S:
            mote.rolled = now
            for most in (mote.size, *(count.most for count in mote.counts.values())):
                most.roll()
        # That it goes on being unusual is learnt with its next word, that it does not, too.
        mote.odd = {alert.what: alert.last for alert in self._book.of(kinds.UNUSUAL, mote_id)}
        mote.kept = now
        self._motes[mote_id] = mote
        return mote


def _pack(mote: _Mote) -> bytes:
    counts = [mote.counts[name].most.part() for name in _BUCKETS]
    times = f"{mote.began} {mote.rolled}".encode()
    return pack([times, mote.size.part(), *counts])


def _unpack(data: bytes) -> _Mote:
    times, size, *counts = unpack(data, 2 + len(_BUCKETS))
    try:
        began, rolled = map(float, times.split())
    except ValueError as error:
        raise LearntError("not of this version") from error
    known = {name: _Count(Most(part)) for name, part in zip(_BUCKETS, counts, strict=True)}
    return _Mote({}, known, Most(size), began, rolled)
