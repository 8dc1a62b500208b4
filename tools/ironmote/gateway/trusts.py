"""The trust of each sealed mote, made when it is first asked for: of 100,000 motes a start reads none."""

from collections.abc import Callable, Iterator, MutableMapping
from typing import TypeVar

from .trust import MoteTrust

_T = TypeVar("_T")


class Trusts(MutableMapping[str, MoteTrust]):
    """By mote. Looking whether a mote is here makes nothing. For the gateway's worker, but for that."""

    def __init__(self, make: Callable[[str], MoteTrust]) -> None:
        """`make` gives the trust of a mote as the store has it; what it raises, `[]` and `get` do."""
        self._make = make
        self._made: dict[str, MoteTrust | None] = {}

    def admit(self, mote: str) -> None:
        """Have `mote` here, with a trust that is new."""
        self._made[mote] = None

    def made(self) -> Iterator[tuple[str, MoteTrust]]:
        """Those that were asked for, with their motes."""
        return ((mote, trust) for mote, trust in self._made.items() if trust is not None)

    def __getitem__(self, mote: str) -> MoteTrust:
        trust = self._made[mote]
        if trust is None:
            trust = self._made[mote] = self._make(mote)
        return trust

    def __setitem__(self, mote: str, trust: MoteTrust) -> None:
        self._made[mote] = trust

    def __delitem__(self, mote: str) -> None:
        del self._made[mote]

    def get(self, mote: str, default: _T | None = None) -> MoteTrust | _T | None:  # type: ignore[override]
        """As of a dict, without an exception on the way."""
        return self[mote] if mote in self._made else default

    def __contains__(self, mote: object) -> bool:
        return mote in self._made

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)
