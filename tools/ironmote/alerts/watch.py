"""What the gateway tells, judged: which alerts it raises and ends. No I/O; `now` comes from outside."""

from collections import deque
from collections.abc import Callable, Iterable

from ..gateway import (
    Event,
    MessageRefused,
    MoteConfirmed,
    MoteRevoked,
    RecordSeen,
    RecordsMayBeMissing,
    RecordsSkipped,
    RootKept,
    RootRotated,
    StateSeen,
    reasons,
)
from ..gateway.state import State
from . import kinds
from .book import Book
from .expected import Expectation
from .gaps import Gaps
from .presence import Presence, duration

_LOW_BYTES = {"esp8266": 4_096}  # less of the heap than this was free at some time since its start
_LOW_ELSE_BYTES = 12_288
_BOOTS, _BOOTS_OVER_S = 6, 3600.0
_BATTERIES = ("battery", "batt", "vbat")
# Low and empty, by unit. Volts are those of one lithium cell; for other cells the mote's file says `below`.
_LIMITS = {"%": (20.0, 10.0), "%EL": (20.0, 10.0), "V": (3.5, 3.3)}


class Watch:
    """Puts what happens into the book. `expected` says what a mote is expected to do."""

    def __init__(
        self,
        book: Book,
        expected: Callable[[str], Expectation],
        heard: Callable[[str], float | None],
        stored: Callable[[str, int, int, int, int], int],
        listening: Callable[[str], float] = lambda mote: 0.0,
    ) -> None:
        """`heard(mote)` gives when the store last had something of it, since another gateway may have.

        `stored` is as in Gaps; `listening(mote)` says since when its broker is heard, infinite where it is not.
        """
        self._gaps = Gaps(book, stored)
        self._book = book
        self._expected = expected
        self._presence = Presence(book, expected, heard, listening)
        self._before: dict[str, State] = {}
        self._boots: dict[str, deque[float]] = {}

    def members(self, motes: Iterable[str], now: float) -> None:
        """The motes that are served from here on."""
        for gone in self._presence.members(motes, now):
            self._book.forget(gone, now)
            self._before.pop(gone, None)
            self._boots.pop(gone, None)
            self._gaps.forget(gone)

    def take(self, event: Event, now: float) -> None:
        """Judge an event."""
        if isinstance(event, RecordSeen):
            self._presence.heard(event.mote, now, event.confirmed)
            self._presence.clock(event, now)
            self._gaps.take(event, now)
            self._batteries(event, now)
        elif isinstance(event, MessageRefused):
            self._refused(event, now)
        elif isinstance(event, StateSeen):
            self._state(event, now)
        elif isinstance(event, MoteConfirmed):
            self._presence.confirmed(event.mote, now)
        elif isinstance(event, RecordsSkipped):
            words = (
                f"its numbers leapt from {event.after} to {event.number} in boot {event.boot}; what was between is gone"
            )
            self._book.seen(kinds.LOST, event.mote, words, now, "skipped")
        elif isinstance(event, RecordsMayBeMissing):
            words = (
                f"power was cut: what it took after number {event.after} of boot {event.boot} and before "
                f"boot {event.until} may be gone"
            )
            self._book.seen(kinds.LOST, event.mote, words, now, "power cut", severity=kinds.INFO)
        elif isinstance(event, RootKept):
            words = f"it refuses root key {event.generation} and keeps its own: {event.why}"
            self._book.seen(kinds.KEY_KEPT, event.mote, words, now)
        elif isinstance(event, RootRotated):
            self._book.over(kinds.KEY_KEPT, event.mote, now)
            self._book.over(reasons.GUESSING, event.mote, now)
        elif isinstance(event, MoteRevoked):
            self._presence.leave(event.mote)
            self._book.forget(event.mote, now)

    def tick(self, now: float) -> None:
        """Judge what did not happen; to be called every second or so."""
        self._presence.tick(now)
        self._gaps.tick(now)

    def _refused(self, event: MessageRefused, now: float) -> None:
        mote = event.mote or ""
        what = event.zone if not mote else ""
        where = "" if mote else f" in zone {event.zone}"
        self._book.seen(event.kind, mote, event.why + where, now, what, event.times)

    def _state(self, event: StateSeen, now: float) -> None:
        mote, state, before = event.mote, event.state, self._before.get(event.mote)
        if not state.online:
            self._presence.gone(mote, now)
            return
        self._presence.heard(mote, now, event.confirmed)
        if not event.confirmed:
            return  # it may be a recording of another day
        self._before[mote] = state
        self._restart(mote, state, before, now)
        if state.mode:
            words = {"safe": "it runs without sensors, rules and actuators"}.get(
                state.mode, "it runs on earlier settings"
            )
            severity = kinds.CRITICAL if state.mode == "safe" else kinds.WARNING
            self._holds(kinds.SAFE_MODE, mote, f"{words}: {state.mode_why}", now, severity=severity)
        else:
            self._book.over(kinds.SAFE_MODE, mote, now)
        self._each(kinds.SENSOR, mote, {name: f"sensor {name} gives nothing" for name in state.missing}, now)
        self._each(kinds.ACTUATOR, mote, {words.split(":")[0]: words for words in state.held}, now)
        self._each(kinds.ALARM, mote, {name: f"alarm {name} is on" for name in state.alarms}, now)
        low = _LOW_BYTES.get(state.board.split("-")[0], _LOW_ELSE_BYTES)
        if state.low is not None and state.low < low:
            words = f"only {state.low:,} bytes of its memory were free at the least"
            self._holds(kinds.MEMORY, mote, words, now)
        elif state.low is not None:
            self._book.over(kinds.MEMORY, mote, now)
        same_boot = before is not None and (before.generation, before.boot) == (state.generation, state.boot)
        for field, kind, words in (
            ("refused", kinds.FORGED_COMMAND, "it refused {} commands that did not verify"),
            ("dropped", kinds.LOST, "it had no room for {} records and dropped them"),
            ("damaged", kinds.LOST, "{} pieces of its flash could not be read; their records are gone"),
        ):
            count = getattr(state, field) or 0
            earlier = (getattr(before, field) or 0) if before is not None and same_boot else 0
            if count > earlier:
                self._book.seen(kind, mote, words.format(f"{count:,}"), now, field, count - earlier)

    def _restart(self, mote: str, state: State, before: State | None, now: float) -> None:
        if before is None or state.boot <= before.boot:
            return
        boots = self._boots.setdefault(mote, deque(maxlen=_BOOTS))
        boots.append(now)
        if len(boots) == _BOOTS and now - boots[0] < _BOOTS_OVER_S:
            words = f"it started {_BOOTS} times in {duration(now - boots[0])}" + (
                f", last by {state.reset}" * bool(state.reset)
            )
            self._book.seen(kinds.RESTARTS, mote, words, now)

    def _each(self, kind: str, mote: str, found: dict[str, str], now: float) -> None:
        """What holds now, each by its name; of what was before and is not in it, the alert is over."""
        for what in [alert.what for alert in self._book.of(kind, mote)]:
            if what not in found and not (what == Book.OTHERS and found):
                self._book.over(kind, mote, now, what)
        for what, words in found.items():
            self._holds(kind, mote, words, now, what)

    def _holds(self, kind: str, mote: str, words: str, now: float, what: str = "", severity: str | None = None) -> None:
        self._book.seen(kind, mote, words, now, what, 0, severity)

    def _batteries(self, event: RecordSeen, now: float) -> None:
        if not event.confirmed:
            return
        for reading in event.readings:
            value = reading.value
            if reading.unit not in _LIMITS or not reading.name.lower().startswith(_BATTERIES):
                continue
            if isinstance(value, bool | str) or value is None:
                continue
            low, empty = _LIMITS[reading.unit]
            unit = "%" if reading.unit.startswith("%") else f" {reading.unit}"
            if value <= low:
                severity = kinds.CRITICAL if value <= empty else kinds.WARNING
                words = f"{reading.name} is at {value:g}{unit}"
                self._holds(kinds.BATTERY, event.mote, words, now, reading.name, severity)
            elif value > low * 1.05:
                self._book.over(kinds.BATTERY, event.mote, now, reading.name)
