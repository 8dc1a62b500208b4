"""What the gateway knows of each mote: its channel and its seal key, never its root key."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..fleet import Fleet


@dataclass(frozen=True)
class Member:
    """One mote as the gateway sees it. `seal_key` is None for a mote whose payloads are not sealed.

    `zone` is the one that the mote lives in.
    """

    id: str
    generation: int
    channel: str
    seal_key: bytes | None = field(repr=False)
    zone: str

    @property
    def prefix(self) -> str:
        """The first level of this mote's topics."""
        return "mote" if self.seal_key is None else "sealed"


def members_of(fleet: Fleet) -> list[Member]:
    """The members for every mote of `fleet` whose channel is known."""
    return list(_members(fleet))


def _members(fleet: Fleet) -> Iterable[Member]:
    for mote in fleet.motes.values():
        if mote.channel is not None:
            key = mote.seal_key(fleet.id) if mote.seals else None
            yield Member(mote.id, mote.generation, mote.channel, key, mote.zone)
