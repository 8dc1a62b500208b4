"""Which brokers the gateway hears. While it does not hear one, that is one alert, and no mote of it is silent."""

import math
from collections.abc import Mapping

from . import kinds
from .book import Book

_GRACE_S = 30.0  # a connection that breaks and is made again is none


class Zones:
    """For one thread. `now` is seconds since 1970."""

    def __init__(self) -> None:
        """Nothing is heard yet."""
        self._since: dict[str, float] = {}  # heard since
        self._trouble: dict[str, float] = {}  # not heard since

    def look(self, book: Book, troubles: Mapping[str, str], now: float) -> None:
        """`troubles` says of each zone what keeps it from being heard, in words, or ""."""
        for zone, trouble in troubles.items():
            if not trouble:
                self._trouble.pop(zone, None)
                self._since.setdefault(zone, now)
                book.over(kinds.BROKER, "", now, zone)
                continue
            self._since.pop(zone, None)
            if now - self._trouble.setdefault(zone, now) >= _GRACE_S:
                book.seen(kinds.BROKER, "", f"nothing of zone {zone} can be heard: {trouble}", now, zone, 0)

    def heard_since(self, zone: str) -> float:
        """Since when this zone is heard, in seconds since 1970; infinite where it is not."""
        return self._since.get(zone, math.inf)
