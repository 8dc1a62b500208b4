"""What was usual in the last one or two weeks: t-digests of Apache DataSketches, which forget by generations.

A digest has a bounded size however much it has seen, its extremes are exact, and its bytes are a documented form that
is checked when it is read: nothing here unpickles.
"""

import struct
from collections.abc import Sequence

from datasketches import tdigest_double

WEEK_S = 7 * 86_400.0
_K = 16  # accuracy: at the ends within a fiftieth of the values seen
_LENGTH = struct.Struct(">H")
_MOST = struct.Struct(">dd")


class LearntError(ValueError):
    """Not what was written."""


class Sketch:
    """Values of one quantity: those of this week and of the one before."""

    __slots__ = ("_before", "_now")

    def __init__(self, now: bytes = b"", before: bytes = b"") -> None:
        """Empty, or what `parts` gave. Raises LearntError."""
        self._now = _read(now)
        self._before = _read(before)

    def add(self, value: float) -> None:
        """Learn that there was `value`."""
        if self._now is None:
            self._now = tdigest_double(_K)
        self._now.update(value)

    def roll(self) -> None:
        """A week is over."""
        self._before, self._now = self._now, None

    @property
    def count(self) -> int:
        """How many values there were."""
        return sum(int(each.get_total_weight()) for each in self._both)

    @property
    def low(self) -> float:
        """The lowest; there has to be one."""
        return min(float(each.get_min_value()) for each in self._both)

    @property
    def high(self) -> float:
        """The highest; there has to be one."""
        return max(float(each.get_max_value()) for each in self._both)

    def spread(self, rank: float) -> float:
        """How far apart those of `rank` and 1 - `rank` are, in the week where that is more."""
        return max((float(each.get_quantile(1 - rank) - each.get_quantile(rank)) for each in self._both), default=0.0)

    def quantile(self, rank: float) -> float:
        """The value of `rank`, in the week where that is more; 0 where there is none."""
        return max((float(each.get_quantile(rank)) for each in self._both), default=0.0)

    def parts(self) -> tuple[bytes, bytes]:
        """This week and the one before, to be kept."""
        return _write(self._now), _write(self._before)

    @property
    def _both(self) -> list[tdigest_double]:
        return [each for each in (self._now, self._before) if each is not None]


class Most:
    """The most of something, of this week and of the one before."""

    __slots__ = ("_before", "_now")

    def __init__(self, kept: bytes = b"") -> None:
        """Nothing, or what `part` gave. Raises LearntError."""
        if kept and len(kept) != _MOST.size:
            raise LearntError("not two numbers")
        self._now, self._before = _MOST.unpack(kept) if kept else (0.0, 0.0)

    def add(self, value: float) -> None:
        """Learn that there was `value`."""
        self._now = max(self._now, value)

    def roll(self) -> None:
        """A week is over."""
        self._before, self._now = self._now, 0.0

    @property
    def most(self) -> float:
        """The most, 0 where there was nothing."""
        return float(max(self._now, self._before))

    def part(self) -> bytes:
        """To be kept."""
        return _MOST.pack(self._now, self._before)


def pack(parts: Sequence[bytes]) -> bytes:
    """Some pieces as one."""
    return b"".join(_LENGTH.pack(len(part)) + part for part in parts)


def unpack(data: bytes, count: int) -> list[bytes]:
    """The `count` pieces in `data`. Raises LearntError."""
    parts, at = [], 0
    while at + _LENGTH.size <= len(data):
        (length,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size + length
        parts.append(data[at - length : at])
    if at != len(data) or len(parts) != count:
        raise LearntError("not the pieces that were written")
    return parts


def _write(digest: tdigest_double | None) -> bytes:
    return b"" if digest is None else bytes(digest.serialize())


def _read(data: bytes) -> tdigest_double | None:
    if not data:
        return None
    try:
        digest = tdigest_double.deserialize(data)
    except (ValueError, IndexError, RuntimeError) as error:
        raise LearntError("not a t-digest") from error
    return None if digest.is_empty() else digest
