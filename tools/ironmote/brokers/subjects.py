"""Rights as NATS knows them: lists of subjects. Its configuration and the auth callout's answers are made from this."""

from collections.abc import Iterable
from dataclasses import dataclass

from .rights import Rights

# A QoS 1 subscription is served through an internal subject that the subscriber needs the right to. MQTT clients
# cannot name that subject themselves: NATS refuses subscriptions to it.
_DELIVERY = "$MQTT.sub.>"

# Where NATS keeps what MQTT clients publish at QoS 1, and the consumer of it that gateways share.
STREAM, STORED, CONSUMER = "$MQTT_msgs", "$MQTT.msgs.", "gateways"


@dataclass(frozen=True)
class Permissions:
    """The subjects that one user may publish to and subscribe to."""

    publish: list[str]
    subscribe: list[str]


def of_rights(granted: Rights) -> Permissions:
    """`granted` in NATS's words."""
    return Permissions(_subjects(granted.publish), [*_subjects(granted.subscribe), _DELIVERY])


def of_stream(granted: Rights) -> Permissions:
    """What a gateway of `granted` needs that takes its turn at the stream: to say, to make its consumer and to ask it.

    It cannot change another stream or consumer, and hears only what it is answered.
    """
    api = [
        f"STREAM.INFO.{STREAM}",
        f"STREAM.CREATE.{STREAM}",
        f"CONSUMER.DURABLE.CREATE.{STREAM}.{CONSUMER}",
        f"CONSUMER.MSG.NEXT.{STREAM}.{CONSUMER}",
    ]
    said = [*_subjects(granted.publish), *(f"$JS.API.{each}" for each in api), f"$JS.ACK.{STREAM}.{CONSUMER}.>"]
    return Permissions(said, ["_INBOX.>"])


def _subjects(filters: Iterable[str]) -> list[str]:
    """MQTT topic filters as the NATS subjects they become. Ours hold no dots, which would have to be escaped.

    In MQTT # is all below a level, and that level; in NATS these are two.
    """
    found = [each.replace("/", ".").replace("+", "*").replace("#", ">") for each in filters]
    return [form for each in found for form in ([each, each[:-2]] if each.endswith(".>") else [each])]
