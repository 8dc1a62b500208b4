"""Messages of which a broker says that it delivers them again: a few after each break, many where it is replaying.

None is taken a second time, and none is a refusal: a broker can say so of any replay, and these are only counted.
"""

from collections.abc import Mapping

from ..gateway import reasons
from .book import Book

_MANY = 100
_OVER_S = 600.0


class Redelivery:
    """For one thread. `now` is seconds since 1970."""

    def __init__(self) -> None:
        """Nothing was counted yet."""
        self._before: dict[str, int] = {}
        self._since = 0.0

    def look(self, book: Book, counts: Mapping[str, int], now: float) -> None:
        """`counts` are those of each mote since the gateway started."""
        for mote, count in counts.items():
            again = count - self._before.get(mote, 0)
            if again >= _MANY:
                words = f"its broker says of {again} messages in a short time that it delivers them again"
                book.seen(reasons.REPLAY, mote, words, now, "delivered again", again)
                self._before[mote] = count
        if now - self._since >= _OVER_S:
            self._since, self._before = now, dict(counts)
