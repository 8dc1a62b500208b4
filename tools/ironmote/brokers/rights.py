"""Who may publish and subscribe what, as MQTT topic filters. Both brokers' configurations are made from this.

What is not listed is refused. A mote reaches its own topics only, and only under the prefix of its channel:
a sealed mote has no right to anything under mote/, where consumers read what the gateway has verified.
"""

from dataclasses import dataclass
from typing import Protocol

from mote import topics

from ..fleet import Fleet
from ..roles import ANY, DISCOVERED, DOWNWARD, UPWARD, Role, filters


class Party(Protocol):
    """One mote, as far as its rights depend on it: a mote of the fleet, or an entry of an authenticator's roster."""

    @property
    def id(self) -> str: ...

    @property
    def prefix(self) -> str: ...


@dataclass(frozen=True)
class Rights:
    """The topic filters that one user may publish to and subscribe to."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


def of_mote(mote: Party) -> Rights:
    """A mote publishes its records, answers and status, and hears its own commands."""
    return Rights(filters(UPWARD, mote.id, mote.prefix), filters(DOWNWARD, mote.id, mote.prefix))


def of_gateway(fleet: Fleet, prefix: str) -> Rights:
    """The gateway hears every mote under `prefix` and commands it; only it may speak for a sealed mote under mote/.

    What it may hear is one filter, which takes its own commands in: docs/decisions/0007-one-subscription.md.
    """
    publish = filters(DOWNWARD, ANY, prefix)
    if prefix == topics.OPEN:
        publish += DISCOVERED
        for mote in fleet.motes.values():
            if mote.seals:
                publish += filters(UPWARD, mote.id)
    return Rights(publish, (topics.subscription(prefix),))


def of_user(role: Role) -> Rights:
    """A person or a program with `role`, in the trusted zone."""
    return Rights(role.publish, role.subscribe)
