"""Who may publish and subscribe what, as MQTT topic filters. Both brokers' configurations are made from this.

What is not listed is refused. A mote reaches its own topics only, and only under the prefix of its channel:
a sealed mote has no right to anything under mote/, where consumers read what the gateway has verified.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from mote import topics

from ..fleet import Fleet

UPWARD = ("up", "ack", "state")
DOWNWARD = ("down",)
_ANY = "+"


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
    return Rights(_topics(mote.prefix, mote.id, UPWARD), _topics(mote.prefix, mote.id, DOWNWARD))


def of_gateway(fleet: Fleet, prefix: str) -> Rights:
    """The gateway hears every mote under `prefix` and commands it; only it may speak for a sealed mote under mote/.

    What it may hear is one filter, which takes its own commands in: docs/decisions/0007-one-subscription.md.
    """
    publish = _topics(prefix, _ANY, DOWNWARD)
    if prefix == "mote":
        for mote in fleet.motes.values():
            if mote.seals:
                publish += _topics("mote", mote.id, UPWARD)
    return Rights(publish, (topics.subscription(prefix),))


def _topics(prefix: str, mote_id: str, leaves: Iterable[str]) -> tuple[str, ...]:
    if prefix == topics.SEALED:
        return tuple(topics.sealed_topic(mote_id, leaf).decode() for leaf in leaves)
    return tuple(topics.open_topic(mote_id, leaf).decode() for leaf in leaves)
