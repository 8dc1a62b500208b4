"""The alerts that are not over: one for each cause, counted, and bounded whatever arrives.

    book.seen(kind, mote, text, now)      # it happened (again), or is still so
    book.over(kind, mote, now)            # its condition is over
    changed = book.changes(now)           # what is to be kept and told since the last call

What happens a thousand times a second is told when it begins, then at most every `_TELL_S`, and when it is over.
"""

from collections import Counter
from collections.abc import Iterable

from .alert import Alert, Cause
from .kinds import CRITICAL, KINDS, OVERLOAD, SEVERITIES

MOST_OPEN = 10_000  # and as many again that are critical; so the most that a restart reads
MOST_WHATS = 64  # of one kind and mote
_TELL_S = 30.0


class Book:
    """For one thread. `now` is seconds since 1970 and comes from outside."""

    OTHERS = "others"  # what there is of one kind and mote beyond MOST_WHATS

    def __init__(self, known: Iterable[Alert] = ()) -> None:
        """`known` are those that were not over when the gateway ended."""
        self._open: dict[Cause, Alert] = {alert.cause: alert for alert in known}
        self._whats = Counter((kind, mote) for kind, mote, _ in self._open)
        self._untold: dict[Cause, Alert] = {}  # begun, worse, over or acknowledged since `changes` was called last
        self._counted: dict[Cause, float] = {}  # only counted on; when it was told last
        self._ended: list[Alert] = []

    @property
    def open(self) -> list[Alert]:
        """Those that last, the latest first."""
        return sorted(self._open.values(), key=lambda alert: alert.last, reverse=True)

    def of(self, kind: str, mote: str) -> list[Alert]:
        """Those of one kind and mote."""
        if not self._whats[kind, mote]:
            return []
        return [alert for cause, alert in self._open.items() if cause[:2] == (kind, mote)]

    def find(self, alert_id: str) -> Alert | None:
        """The one of that id that is not over."""
        return next((alert for alert in self._open.values() if alert.id == alert_id), None)

    def has(self, kind: str, mote: str, what: str = "") -> bool:
        """True where this cause has an alert that is not over."""
        return (kind, mote, what) in self._open

    def seen(
        self, kind: str, mote: str, text: str, now: float, what: str = "", times: int = 1, severity: str | None = None
    ) -> None:
        """It happened `times` more, or, where it is a condition, it is still so (then `times` is 0)."""
        severity = severity or KINDS[kind].severity
        cause = kind, mote, what
        alert = self._open.get(cause)
        if alert is None and self._whats[kind, mote] >= MOST_WHATS:
            cause = kind, mote, self.OTHERS
            alert = self._open.get(cause)
        if alert is None:
            if len(self._open) >= MOST_OPEN * (1 + (severity == CRITICAL)) and kind != OVERLOAD:
                self.seen(OVERLOAD, "", "there are more alerts than are kept one by one", now)
                return
            alert = Alert(mote, kind, cause[2], severity, text, now, now, max(times, 1))
            self._open[cause] = self._untold[cause] = alert
            self._whats[kind, mote] += 1
            return
        worse = SEVERITIES.index(severity) > SEVERITIES.index(alert.severity)
        if worse:
            alert.severity = severity
            self._untold[cause] = alert
        if times or worse or text != alert.text:
            alert.count += times
            alert.text, alert.last = text, max(now, alert.last)
            self._counted.setdefault(cause, now)
            if alert.acknowledged is not None and worse:
                alert.acknowledged = None  # its owner has not seen this

    def over(self, kind: str, mote: str, now: float, what: str | None = "") -> None:
        """The condition is over, where there was one; with `what` None, every one of this kind and mote."""
        causes = [alert.cause for alert in self.of(kind, mote)] if what is None else [(kind, mote, what)]
        for cause in causes:
            if cause in self._open:
                self._end(cause, now)

    def forget(self, mote: str, now: float) -> None:
        """The mote is no longer of this fleet, or revoked: what was wrong with its health is not of interest."""
        for cause in [each for each in self._open if each[1] == mote and not KINDS[each[0]].stays]:
            self._end(cause, now)

    def acknowledge(self, alert_id: str, now: float) -> Alert | None:
        """Its owner has seen it. One that lasts until then is over; None where there is no such alert."""
        alert = self.find(alert_id)
        if alert is None:
            return None
        alert.acknowledged = now
        self._untold[alert.cause] = alert
        if KINDS[alert.kind].stays:
            self._end(alert.cause, now)
        return alert

    def changes(self, now: float) -> list[Alert]:
        """End what was quiet for long enough; give what is to be kept and told."""
        for cause, alert in list(self._open.items()):
            quiet_s = KINDS[alert.kind].quiet_s
            if quiet_s is not None and now - alert.last >= quiet_s:
                self._end(cause, now)
        told = [*self._ended, *self._untold.values()]
        for cause, since in list(self._counted.items()):
            if cause in self._untold or cause not in self._open:
                del self._counted[cause]
            elif now - since >= _TELL_S:
                told.append(self._open[cause])
                del self._counted[cause]
        self._ended, self._untold = [], {}
        return told

    def unsaid(self) -> list[Alert]:
        """All that was not given by `changes` yet, to be kept before the end."""
        return [
            *self._ended,
            *self._untold.values(),
            *(self._open[each] for each in self._counted if each in self._open),
        ]

    def _end(self, cause: Cause, now: float) -> None:
        alert = self._open.pop(cause)
        self._untold.pop(cause, None)
        self._whats[cause[0], cause[1]] -= 1
        alert.over = now
        self._ended.append(alert)
