"""What was measured before, as charts are drawn of it."""

from typing import Protocol

RANGES = {"1h": 3_600, "24h": 86_400, "7d": 604_800}  # seconds
BUCKETS = 360  # points of a chart at most

Point = list[float]  # time (seconds since 1970), lowest, mean, highest


class Past(Protocol):
    """Where the past of the fleet is read; any thread may ask."""

    def points(self, mote: str, name: str, range_: str) -> list[Point]:
        """The values of a reading over a range that ends now, oldest first, at most BUCKETS. Raises IronmoteError."""
        ...
