"""Topics and names: the only place that knows `/`, the prefixes and the leaves."""

from mote import const

LEAVES = ("up", "ack", "state", "down")
OPEN = "mote"
SEALED = "sealed"

_LONGEST_ID = const(23)
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789-"


class TopicError(ValueError):
    """Not an id, or not a topic, of ours."""


def is_id(text):
    """True where `text` is a mote's id: [a-z0-9-]{1,23}."""
    return isinstance(text, str) and 0 < len(text) <= _LONGEST_ID and all(c in _LETTERS for c in text)


def check_id(text):
    """Return `text`, a mote's id; raise TopicError where it is none."""
    if not is_id(text):
        raise TopicError("an id is 1 to 23 of a-z, 0-9 and -")
    return text


def base_name(mote_id):
    """Return the base name of a mote's records: `<id>/` (RFC 8428, 4.5.1)."""
    return mote_id + "/"


def name(mote_id, leaf):
    """Return `<id>/<leaf>` as bytes: what a sealed message is bound to, whatever prefix carries it."""
    return (mote_id + "/" + leaf).encode()


def open_topic(mote_id, leaf):
    """Return the topic of `leaf` where TLS protects it, as bytes."""
    return (OPEN + "/" + mote_id + "/" + leaf).encode()


def sealed_topic(mote_id, leaf):
    """Return the topic of `leaf` for sealed messages, as bytes."""
    return (SEALED + "/" + mote_id + "/" + leaf).encode()


def split(topic):
    """Return (prefix, mote id, leaf) of a topic given as str; raise TopicError where it is none of ours."""
    parts = topic.split("/")
    if len(parts) != 3 or parts[0] not in (OPEN, SEALED) or parts[2] not in LEAVES:
        raise TopicError("not a topic of a mote")
    return parts[0], check_id(parts[1]), parts[2]


def subscription(prefix):
    """Return the filter by which a gateway hears every mote under `prefix`; it hears its own commands by it too.

    One for all leaves: brokers give no order between messages that come by different subscriptions.
    """
    return prefix + "/+/+"
