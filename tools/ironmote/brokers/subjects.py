"""Rights as NATS knows them: lists of subjects. Its configuration and the auth callout's answers are made from this."""

from collections.abc import Iterable
from dataclasses import dataclass

from .rights import Rights

# A QoS 1 subscription is served through an internal subject that the subscriber needs the right to. MQTT clients
# cannot name that subject themselves: NATS refuses subscriptions to it.
_DELIVERY = "$MQTT.sub.>"


@dataclass(frozen=True)
class Permissions:
    """The subjects that one user may publish to and subscribe to."""

    publish: list[str]
    subscribe: list[str]


def of_rights(granted: Rights) -> Permissions:
    """`granted` in NATS's words."""
    return Permissions(_subjects(granted.publish), [*_subjects(granted.subscribe), _DELIVERY])


def _subjects(filters: Iterable[str]) -> list[str]:
    """MQTT topic filters as the NATS subjects they become. Ours hold no dots, which would have to be escaped.

    In MQTT # is all below a level, and that level; in NATS these are two.
    """
    found = [each.replace("/", ".").replace("+", "*").replace("#", ">") for each in filters]
    return [form for each in found for form in ([each, each[:-2]] if each.endswith(".>") else [each])]
