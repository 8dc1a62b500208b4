"""Who `broker check` comes in as: motes and users of its own, known to a fleet's brokers and to nothing else.

Each stands for a kind of party and has the rights that the party has, made by the same functions. So a check cuts off
no mote and no user, and nothing that it says is taken for a reading: gateways do not know these motes.
"""

import base64
from collections.abc import Callable
from dataclasses import replace

from mote import topics

from ..errors import BrokerError
from ..fleet import Fleet, Mote
from ..roles import ADMINISTRATOR, ALL, ANY, CONTROLLER, DOWNWARD, MONITOR, UPWARD, Role, filters
from . import rights

TLS_MOTE, SEALED_MOTE = "check-tls", "check-sealed"
OTHER = "check-other"  # a mote that there is not: what is said in its name
NOWHERE = "check/nobody"  # a topic of nobody
# A dot cannot be part of a mote's id or of a user's name.
OBSERVER = "observer.check"
REVOKED = "revoked.check"  # its certificate is on the list of revoked ones from the beginning
PREFIX = "check."  # of users that have a role, whatever that is called
_MOTES = (TLS_MOTE, SEALED_MOTE, OTHER)
_LEAVES = (*UPWARD, *DOWNWARD)


def join(fleet: Fleet, password: Callable[[str], str], clear: str) -> Fleet:
    """`fleet` with those who check; `clear` is the zone of motes without TLS.

    Raises BrokerError where a mote of the fleet has such a name.
    """
    for name in _MOTES:
        if name in fleet.motes or name in fleet.users:
            raise BrokerError(f"{name} is a name that ironmote broker check needs; call yours otherwise")
    motes = dict(fleet.motes)
    # Its root makes no key that anybody uses: it has a certificate, and does not seal.
    motes[TLS_MOTE] = Mote(TLS_MOTE, "unix", root=bytes(32), channel="tls")
    motes[SEALED_MOTE] = sealed_mote(password, clear)
    users = fleet.users | {PREFIX + role.name: role for role in roles_of(fleet)}
    users[OBSERVER] = _observer(fleet)
    return replace(fleet, motes=motes, users=users)


def sealed_mote(password: Callable[[str], str], clear: str) -> Mote:
    """The mote that comes in without TLS. Its password is static, its root is good for nothing else."""
    root = base64.urlsafe_b64decode(password(SEALED_MOTE) + "=")
    return Mote(SEALED_MOTE, "unix", root=root, channel="sealed", zone=clear, connect="static")


def roles_of(fleet: Fleet) -> list[Role]:
    """Every role that a user of the fleet has, the built-in ones for users, and a gateway's in the trusted zone."""
    hub = rights.of_gateway(fleet, topics.OPEN)
    gateway = Role("gateway", "as a gateway", hub.publish, hub.subscribe)
    found = {role.name: role for role in (MONITOR, CONTROLLER, ADMINISTRATOR, gateway, *fleet.users.values())}
    return [role for _, role in sorted(found.items())]


def topics_of(fleet: Fleet) -> list[str]:
    """The topics that are tried: those of the motes above, and one for each wildcard of a role of the owner's.

    A topic that a role names without one is somebody's own: nothing is said there.
    """
    found = [
        topic for mote in _MOTES for prefix in (topics.OPEN, topics.SEALED) for topic in filters(_LEAVES, mote, prefix)
    ]
    found.append(NOWHERE)
    for role in roles_of(fleet):
        for each in (*role.publish, *role.subscribe):
            levels = each.split("/")
            if (ANY in levels or ALL in levels) and levels[0] not in (topics.OPEN, topics.SEALED):
                found.append("/".join("check" if level in (ANY, ALL) else level for level in levels))
    return list(dict.fromkeys(found))


def _observer(fleet: Fleet) -> Role:
    tried = tuple(topics_of(fleet))
    return Role("observer", "sees and says what is tried", tried, tried)
