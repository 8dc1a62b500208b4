"""Several gateways with one store: what each must know of what the others have done. All of it comes from the store.

Who writes of a mote holds its row until the end of the transaction (`begin`), and counts the row's version up where
windows, epochs or keys have moved (`end`). Whoever finds another version than the one it knows loads the mote again.

Brokers give each gateway its own copy of a message, unless a queue group hands it to one alone (`Message.exclusive`).
So the copy of what another gateway took is no replay: but a second copy here is one. That is told apart by windows of
what came to this gateway, which are kept in memory alone: where they are lost, a replay is counted and not alerted.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from mote import sealed
from mote.replay import Window

from .answers import Forwarded
from .store import Store
from .trust import EPOCHS_KEPT, MoteTrust

POLL_S = 0.25
_SWEEP_S = 60.0


class Sharing:
    """For the gateway's worker alone. `believe(mote)` loads what is believed of a mote from the store."""

    def __init__(self, store: Store, trusts: Mapping[str, MoteTrust], believe: Callable[[str], None]) -> None:
        self._store = store
        self._trusts = trusts
        self._believe = believe
        self._here: dict[str, dict[tuple[bytes, bytes], Window]] = {}
        self._touched: set[str] = set()
        self._polled = self._swept = 0.0

    def begin(self, motes: Iterable[str]) -> list[str]:
        """Inside a transaction, first of all: nobody else writes of `motes` until it ends. Gives those that moved."""
        self._touched = set(motes)
        moved = self._store.lock(self._touched)
        for mote in moved:
            self._believe(mote)
        return moved

    def end(self, moved: Iterable[str]) -> None:
        """Inside the transaction, last of all: windows, epochs or keys of `moved` are others now."""
        self._store.touch(moved)

    def failed(self) -> None:
        """The transaction came to nothing, or nobody knows whether it did: what came in it may come again."""
        for mote in self._touched:
            self._here.pop(mote, None)

    def here(self, mote: str, payload: bytes) -> bool:
        """Note that a sealed message of `mote`, which verifies, came here; False where it had come before."""
        envelope = sealed.parse(payload, sealed.MAX_UP)
        windows = self._here.setdefault(mote, {})
        key = (envelope.kid, envelope.epoch)
        window = windows.get(key)
        if window is None:
            while len(windows) >= 2 * EPOCHS_KEPT:
                del windows[next(iter(windows))]
            window = windows[key] = Window()
        if not window.check(envelope.sequence):
            return False
        window.commit(envelope.sequence)
        return True

    def took_elsewhere(self, mote: str, leaf: str, payload: bytes) -> bool:
        """True where a message that was taken before was not taken here: it is our copy. Raises sealed.Refused."""
        self._trusts[mote].verify(leaf, payload)
        return self.here(mote, payload)

    def catch_up(self, pending: Mapping[bytes, str]) -> "News | None":
        """A few times a second: what others did that concerns our `pending` commands, by id, and other questions."""
        now = time.monotonic()
        if now - self._polled < POLL_S:
            return None
        self._polled = now
        if now - self._swept >= _SWEEP_S:
            self._swept = now
            self._store.answers.sweep(time.time())
        moved = self._store.moved(set(pending.values()))
        return News(moved, self._store.answers.overtaken(pending), self._store.answers.all())


@dataclass(frozen=True)
class News:
    """What other gateways did: motes that they heard, commands that they overtook, answers that they were given."""

    moved: list[str]
    overtaken: list[bytes]
    answers: list[Forwarded]
