"""What was measured before, as charts are drawn of it: read from the gateway's store, which is never written here."""

import threading
import time
from dataclasses import dataclass
from pathlib import Path

from ..history import History

RANGES = {"1h": 3_600, "24h": 86_400, "7d": 604_800}  # seconds
POINTS = 360  # of a chart at most
_BEFORE_S = 604_800  # how far back the value that a chart begins with is looked for

Value = float | bool


@dataclass(frozen=True)
class Chart:
    """[time (seconds since 1970), lowest, mean, highest], oldest first; `before` is the value at their beginning."""

    points: list[list[float]]
    before: Value | None


class Past:
    """Reads the store at a path or URL, once there is one. Any thread may ask; all methods raise StoreError."""

    def __init__(self, where: Path | str) -> None:
        self._where = where
        self._lock = threading.Lock()
        self._history: History | None = None

    def close(self) -> None:
        """Let go of the store."""
        with self._lock:
            if self._history is not None:
                self._history.close()
                self._history = None

    def chart(self, mote: str, name: str, range_: str) -> Chart:
        """The numbers of a reading over a range that ends now: as they were where they are few, else summed up."""
        until = time.time()
        since = until - RANGES[range_]
        history = self._opened()
        single = history.points(mote, name, since, until, POINTS + 1)
        if len(single) <= POINTS:
            points = [[each.at, value, value, value] for each in single if (value := _number(each.value)) is not None]
        else:
            half = RANGES[range_] / POINTS / 2
            found = history.buckets(mote, name, since, until, POINTS)
            points = [[each.at + half, each.lowest, each.mean, each.highest] for each in found]
        last = history.points(mote, name, since - _BEFORE_S, since, 1)
        return Chart(points, _number(last[0].value) if last else None)

    def _opened(self) -> History:
        with self._lock:
            if self._history is None:
                self._history = History(self._where)
            return self._history


def _number(value: float | bool | str | None) -> float | None:
    return None if value is None or isinstance(value, str) else float(value)
