"""Who is there: silence, motes that do not answer their challenge, certificates that end, clocks that are off."""

import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ..certificates import RENEW_DAYS
from ..gateway import RecordSeen
from . import kinds
from .book import Book
from .expected import Expectation

_LEAST_S = 60.0
_GONE_S = 60.0  # after a will: whoever only changes its connection is back by then
_LOOK_EACH_S = 15.0
_LEARN_S = 3 * 3600.0  # where nothing says how often a mote speaks
_UNCONFIRMED_S = 600.0
_CERTIFICATE_DAYS = RENEW_DAYS, 7  # warning, critical
_DAY_S = 86_400.0
_CERTIFICATES_EACH_S = 3600.0
_AHEAD_S = 120.0
_BEHIND_S = 300.0
_LAGS = 10
_LAGS_EACH_S = 60.0
_SAME_LAG_S = 60.0


@dataclass
class _Mote:
    """Times are seconds since 1970."""

    heard: float | None = None
    began: float = 0.0  # served since
    gone: float | None = None  # its will came, and nothing since
    looked: float = 0.0  # when the store was asked about it last
    longest_s: float = 0.0  # between two words of it, where nothing says what is expected
    confirmed: bool = False
    unconfirmed: float | None = None  # since when it speaks without having answered
    lags: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=_LAGS))  # when, and how late


class Presence:
    """Raises and ends the alerts of one book about who is there."""

    def __init__(
        self,
        book: Book,
        expected: Callable[[str], Expectation],
        heard: Callable[[str], float | None],
        listening: Callable[[str], float],
    ) -> None:
        """See Watch."""
        self._book = book
        self._listening = listening
        self._expected = expected
        self._heard = heard
        self._motes: dict[str, _Mote] = {}
        self._certificates = -math.inf

    def members(self, motes: Iterable[str], now: float) -> list[str]:
        """The motes that are served from here on; gives those that are not any more."""
        served = set(motes)
        gone = [mote for mote in self._motes if mote not in served]
        for mote in gone:
            del self._motes[mote]
        for mote in served - set(self._motes):
            self._motes[mote] = _Mote(began=now)
        self._certificates = -math.inf
        return gone

    def leave(self, mote: str) -> None:
        """Expect nothing more of `mote`."""
        self._motes.pop(mote, None)

    def heard(self, mote: str, now: float, confirmed: bool) -> None:
        """It said something that verified."""
        known = self._motes.get(mote)
        if known is None:
            return
        if not confirmed:  # it may be a recording: it ends no silence
            if known.unconfirmed is None:
                known.unconfirmed = now
            return
        if self._book.has(kinds.SILENCE, mote):
            self._book.over(kinds.SILENCE, mote, now)
        elif known.heard is not None and known.gone is None and now - known.heard > known.longest_s:
            known.longest_s = now - known.heard
        known.heard, known.gone = now, None

    def gone(self, mote: str, now: float) -> None:
        """Its will came."""
        if mote in self._motes:
            self._motes[mote].gone = now

    def confirmed(self, mote: str, now: float) -> None:
        """It has answered a challenge."""
        if mote in self._motes:
            self._motes[mote].confirmed = True
            self._motes[mote].unconfirmed = None
            self._book.over(kinds.UNCONFIRMED, mote, now)
            self.heard(mote, now, True)

    def clock(self, event: RecordSeen, now: float) -> None:
        """Compare the clocks. What waited at a mote comes late too, but then less and less so."""
        known = self._motes.get(event.mote)
        if known is None or event.taken is None or not event.confirmed:
            return
        lag = event.arrived - event.taken
        if lag < -_AHEAD_S:
            words = f"its clock is {duration(-lag)} ahead of this computer's"
            self._book.seen(kinds.CLOCK, event.mote, words, now, times=0)
        elif lag < _BEHIND_S:
            if known.lags:
                known.lags.clear()
            if self._book.has(kinds.CLOCK, event.mote):
                self._book.over(kinds.CLOCK, event.mote, now)
        elif not known.lags or now - known.lags[-1][0] >= _LAGS_EACH_S:
            known.lags.append((now, lag))
            lags = [each for _, each in known.lags]
            if len(lags) == _LAGS and max(lags) - min(lags) < _SAME_LAG_S:
                words = f"its clock is {duration(lag)} behind this computer's"
                self._book.seen(kinds.CLOCK, event.mote, words, now, times=0)

    def tick(self, now: float) -> None:
        """Judge what did not happen."""
        for mote, known in self._motes.items():
            self._silence(mote, known, now)
            if known.unconfirmed is not None and now - known.unconfirmed > _UNCONFIRMED_S:
                words = f"it speaks since {duration(now - known.unconfirmed)} and has not answered a challenge"
                if not self._book.has(kinds.UNCONFIRMED, mote):
                    self._book.seen(kinds.UNCONFIRMED, mote, words, now, times=0)
        if now - self._certificates >= _CERTIFICATES_EACH_S:
            self._certificates = now
            for mote in self._motes:
                self._certificate(mote, now)

    def _silence(self, mote: str, known: _Mote, now: float) -> None:
        if self._book.has(kinds.SILENCE, mote):
            return
        since = known.heard if known.heard is not None else known.began
        listening = self._listening(mote)
        if now - max(since, listening) < _LEAST_S:
            return
        expected = self._expected(mote)
        silent_s = expected.silent_s
        if silent_s is None:
            silent_s = max(_LEARN_S, 3 * known.longest_s)
        if known.gone is not None:
            since, silent_s = known.gone, min(silent_s, _GONE_S)
        if listening > since:  # whoever sleeps is told by nobody that its broker is back
            silent_s = max(silent_s, expected.back_s)
        if now - max(since, listening) < silent_s or now - known.looked < _LOOK_EACH_S:
            return
        known.looked = now
        stored = self._heard(mote)  # another gateway of the same store may have heard it
        if stored is not None and stored > since:
            known.heard = stored
            if known.gone is not None and stored > known.gone:
                known.gone = None
            if now - stored < silent_s:
                return
        if known.heard is None and stored is None:
            return  # it has never been heard at all: it was not provisioned yet, or is not switched on
        words = f"nothing was heard of it for {duration(now - max(since, stored or 0.0))}"
        if known.gone is not None:
            words = f"its connection broke {duration(now - known.gone)} ago and it did not come back"
        self._book.seen(kinds.SILENCE, mote, words, now, times=0)

    def _certificate(self, mote: str, now: float) -> None:
        ends = self._expected(mote).certificate_ends
        days = None if ends is None else (ends - now) / _DAY_S
        soon, very_soon = _CERTIFICATE_DAYS
        if days is None or days > soon:
            self._book.over(kinds.CERTIFICATE, mote, now)
            return
        words = f"its certificate ends in {days:.0f} days" if days > 0 else "its certificate has ended"
        severity = kinds.CRITICAL if days <= very_soon else kinds.WARNING
        self._book.seen(kinds.CERTIFICATE, mote, words, now, times=0, severity=severity)


def duration(seconds: float) -> str:
    """In words, to the largest unit: `40 s`, `12 min`, `3 h`, `2 days`."""
    for size, unit in ((_DAY_S, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
