"""The boots of each mote: what is missing from the end of one, where no later number shows a gap.

After a reset a mote says in its status how many records it had taken in the boots before (mote.ledger). After a power
cut it cannot, and nothing else can: then the owner is told that records may be missing, and from where on.
"""

from .events import Event, RecordsMayBeMissing
from .losses import MOST_LOST
from .state import State
from .store import Store


class Boots:
    """Takes the first status of each boot. Everything here runs on the gateway's worker, in the store's transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def heard(self, mote: str, generation: int, state: State) -> list[Event]:
        """What the status `state` of `mote`, which has a root key of `generation`, says of the boots before it."""
        latest = self._store.latest_boot(mote)
        if not self._store.add_boot(mote, generation, state.boot):
            return []
        ends = {boot: (of, last) for of, boot, last in state.before}
        for boot, (of, last) in ends.items():
            self._store.end_boot(mote, of, boot, last)
        if state.kept is not None and state.kept[:2] != (generation, state.boot) and self._believable(mote, state.kept):
            # It was in flash, so it was taken, with all before it: what does not come out of there any more is lost.
            self._store.end_boot(mote, *state.kept)
        # A store that has heard nothing of this mote can say nothing of any boot before.
        of, boot = latest or (generation, 1)
        if state.boot <= boot and latest is not None:  # provisioned again: its counter began anew
            return [] if self._told(mote, of, boot, ends) else [self._missing(mote, of, boot, state)]
        while boot < state.boot:
            if not self._told(mote, of, boot, ends):
                return [self._missing(mote, of, boot, state)]
            boot += 1
            of = ends.get(boot, (generation, 0))[0]
        return []

    def _told(self, mote: str, generation: int, boot: int, ends: dict[int, tuple[int, int]]) -> bool:
        """True where the mote has said how `boot` ended, so that the gap at its end counts as lost."""
        of, last = ends.get(boot, (0, 0))
        return of == generation and self._believable(mote, (generation, boot, last))

    def _believable(self, mote: str, last: tuple[int, int, int]) -> bool:
        """True where a gap up to the record `last`, by its identity, counts as lost."""
        return last[2] - self._store.records.highest(mote, last[0], last[1]) <= MOST_LOST

    def _missing(self, mote: str, generation: int, boot: int, state: State) -> Event:
        after = self._store.records.highest(mote, generation, boot)
        if state.kept is not None and state.kept[:2] == (generation, boot) and self._believable(mote, state.kept):
            after = max(after, state.kept[2])
        self._store.add_missing(mote, generation, boot, after, state.boot)
        return RecordsMayBeMissing(mote, boot, after, state.boot)
