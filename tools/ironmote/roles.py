"""Roles: which topics somebody of the fleet may publish to and subscribe to. What is not listed is refused.

Motes have the role `sensor`, each for its own topics, and gateways `gateway`; users have one of the others, or a custom
one of fleet.toml. Nobody but a mote or a gateway may say what a mote says: no other role publishes anything under
mote/ and sealed/ but commands.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mote import topics

from .errors import IronmoteError

UPWARD = ("up", "ack", "state")
DOWNWARD = ("down",)
ANY, ALL = "+", "#"
ID = "{id}"  # stands for the mote's own
QOS = 1  # what motes and gateways use

# Where Home Assistant looks for configurations of entities, kind/device/entity below it; and what they show of a mote.
DISCOVERY = "homeassistant"
DISCOVERED = (f"{DISCOVERY}/+/+/+/config", f"{DISCOVERY}/ironmote/+/latest")

_MOST_TOPICS, _MOST_LEVELS, _LONGEST_NAME = 64, 8, 23
_LEVEL = re.compile(r"[A-Za-z0-9_-]{1,64}")  # dots would be levels of their own at NATS


class RoleError(IronmoteError):
    """A role is not one; the text says why."""


@dataclass(frozen=True)
class Role:
    """A name, what it is for, and MQTT topic filters. `qos` is the highest quality of service that it needs."""

    name: str
    about: str
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    qos: int = QOS


def filters(leaves: Iterable[str], mote: str, prefix: str = topics.OPEN) -> tuple[str, ...]:
    """The topics of `leaves` of a mote, or of ANY or ID, under `prefix`."""
    if prefix == topics.SEALED:
        return tuple(topics.sealed_topic(mote, leaf).decode() for leaf in leaves)
    return tuple(topics.open_topic(mote, leaf).decode() for leaf in leaves)


SENSOR = Role("sensor", "a mote: its own topics", filters(UPWARD, ID), filters(DOWNWARD, ID))
GATEWAY = Role(
    "gateway",
    "hears every mote and commands it; alone speaks for sealed motes",
    (*filters(DOWNWARD, ANY), *DISCOVERED),
    (topics.subscription(topics.OPEN),),
)
MONITOR = Role("monitor", "reads what motes say", (), filters(UPWARD, ANY))
CONTROLLER = Role("controller", "reads what motes say, and commands them", filters(DOWNWARD, ANY), filters(UPWARD, ANY))
ADMINISTRATOR = Role(
    "administrator",
    "a controller that sees commands and sealed messages as well",
    filters(DOWNWARD, ANY),
    (topics.subscription(topics.OPEN), topics.subscription(topics.SEALED)),
)
HOME_ASSISTANT = Role(
    "home-assistant",
    "a controller that finds what the gateway announces to Home Assistant",
    (*filters(DOWNWARD, ANY), f"{DISCOVERY}/status"),
    (*filters(UPWARD, ANY), f"{DISCOVERY}/#"),
)
BUILT_IN = {role.name: role for role in (SENSOR, CONTROLLER, MONITOR, HOME_ASSISTANT, ADMINISTRATOR, GATEWAY)}
FOR_USERS = (CONTROLLER.name, MONITOR.name, HOME_ASSISTANT.name, ADMINISTRATOR.name)


def custom(name: str, fields: Any) -> Role:
    """The role that fleet.toml describes under `name`. Raises RoleError."""
    if name in BUILT_IN:
        raise RoleError(f"{name} is a role that is there already; give it another name")
    if not topics.is_id(name):
        raise RoleError(f"{name!r} cannot be a role's name: 1 to {_LONGEST_NAME} of a-z, 0-9 and -")
    if not isinstance(fields, Mapping):
        raise RoleError(f"the role {name} is not a table")
    unknown = sorted(set(fields) - {"about", "publish", "subscribe", "qos"})
    if unknown:
        raise RoleError(f"the role {name} has no {unknown[0]}; there are about, publish, subscribe and qos")
    about, qos = fields.get("about", ""), fields.get("qos", QOS)
    if not isinstance(about, str):
        raise RoleError(f"the role {name}: about is a text")
    if type(qos) is not int or qos not in (0, 1):
        raise RoleError(f"the role {name}: qos is 0 or 1")
    publish = tuple(_filter(name, text) for text in _list(name, fields, "publish"))
    for each in publish:
        _check_publish(name, each)
    subscribe = tuple(_filter(name, text) for text in _list(name, fields, "subscribe"))
    return Role(name, about, publish, subscribe, qos)


def _list(name: str, fields: Mapping[str, Any], field: str) -> list[Any]:
    found = fields.get(field, [])
    if not isinstance(found, list) or len(found) > _MOST_TOPICS:
        raise RoleError(f"the role {name}: {field} is a list of at most {_MOST_TOPICS} topics")
    return found


def _filter(name: str, text: Any) -> str:
    """`text`, an MQTT topic filter (3.1.1, 4.7) that each broker can be told."""
    levels = text.split("/") if isinstance(text, str) else []
    good = 0 < len(levels) <= _MOST_LEVELS and all(each == ANY or _LEVEL.fullmatch(each) for each in levels[:-1])
    if not good or not (levels[-1] in (ANY, ALL) or _LEVEL.fullmatch(levels[-1])):
        raise RoleError(
            f"the role {name}: {text!r} is no topic: levels of letters, digits, _ and -, + for any, # at the end"
        )
    return "/".join(levels)


def _check_publish(name: str, text: str) -> None:
    """Nobody with a role may say what a mote says."""
    first, *rest = text.split("/")
    if first in (ANY, ALL):
        raise RoleError(f"the role {name} may not publish to {text}: its first level is a word")
    if first in (topics.OPEN, topics.SEALED) and (len(rest) != 2 or rest[0] == ALL or rest[1] not in DOWNWARD):
        raise RoleError(f"the role {name} may not publish to {text}: others than motes publish to {first}/…/down only")
