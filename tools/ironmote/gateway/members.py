"""What the gateway knows of each mote: its channel and its seal key, never its root key."""

from dataclasses import dataclass, field

from mote import keys

from .. import rotation
from ..errors import IronmoteError
from ..fleet import Fleet, Mote


@dataclass(frozen=True)
class Successor:
    """The key that will follow a mote's seal key, and the sealed update that gives the mote its root.

    The gateway cannot open the update: it is sealed under the mote's `update` key, which only the key store has.
    """

    generation: int
    seal_key: bytes = field(repr=False)
    update: bytes = field(repr=False)


@dataclass(frozen=True)
class Member:
    """One mote as the gateway sees it. `seal_key` is None for a mote whose payloads are not sealed.

    `zone` is the one that the mote lives in. One that is `revoked` is not believed until it has a key of a later
    generation.
    """

    id: str
    generation: int
    channel: str
    seal_key: bytes | None = field(repr=False)
    zone: str
    successor: Successor | None = field(default=None, kw_only=True)
    revoked: bool = field(default=False, kw_only=True)

    @property
    def latest(self) -> int:
        """The generation of its newest root key, which it may not have taken yet."""
        return self.generation if self.successor is None else self.successor.generation

    @property
    def prefix(self) -> str:
        """The first level of this mote's topics."""
        return "mote" if self.seal_key is None else "sealed"


def members_of(fleet: Fleet) -> list[Member]:
    """The members for every mote of `fleet` whose channel is known."""
    return [member_of(mote, fleet.id) for mote in fleet.motes.values() if mote.channel is not None]


def member_of(mote: Mote, fleet_id: bytes) -> Member:
    """The member for `mote`, whose channel is known. Raises IronmoteError where it is not."""
    if mote.channel is None:
        raise IronmoteError(f"{mote.id} has no channel yet; provision it")
    key = mote.seal_key(fleet_id) if mote.seals else None
    follows = successor_of(mote, fleet_id)
    return Member(mote.id, mote.generation, mote.channel, key, mote.zone, successor=follows, revoked=mote.revoked)


def successor_of(mote: Mote, fleet_id: bytes) -> Successor | None:
    """What the gateway is given while the root key of `mote` is being replaced; None while it is not."""
    if mote.successor is None or not mote.seals:
        return None
    key: bytes = keys.subkey(mote.successor, fleet_id, keys.SEAL)
    return Successor(mote.generation + 1, key, rotation.update_for(mote, fleet_id))
