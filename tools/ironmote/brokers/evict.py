"""Ending the session of a mote that was revoked, which a broker let in before it knew."""

import tempfile
from pathlib import Path

from .. import secret_files
from ..errors import BrokerError
from ..fleet import Mote
from ..open_folder import OpenFolder
from .visitor import Door, Visitor
from .written import MOSQUITTO, Written

ENDED = "ended"
NO_RIGHTS = "has no rights left, and ends when the mote or its network ends it"
BY_ITSELF = "ended by the broker"


def evict(held: OpenFolder, broker: Written, mote: Mote) -> str:
    """End the session of `mote` at `broker`, which has been told of the revocation; says what became of it.

    NATS ends the sessions of users that it does not know any more, by itself or by its authenticator, and Mosquitto
    those whose password it does not. Who came in by a certificate stays: there somebody comes in under the same name
    and takes the session's place, with a certificate that is made for this alone; its key is forgotten at once.
    """
    if broker.place.kind != MOSQUITTO or not mote.encrypts:
        return BY_ITSELF
    if not mote.certified:
        return NO_RIGHTS
    return _take_place(held, broker, mote.id)


def evict_user(held: OpenFolder, name: str) -> str:
    """End the session of the user whose certificate was revoked, at the folder's broker; "" where none runs here."""
    try:
        broker = Written.read(held.folder)
        return BY_ITSELF if broker.place.kind != MOSQUITTO else _take_place(held, broker, name)
    except (BrokerError, OSError):
        return ""


def _take_place(held: OpenFolder, broker: Written, name: str) -> str:
    place, made = broker.place, held.authority.issue(name)
    with tempfile.TemporaryDirectory(prefix="ironmote-") as folder:
        paths = Path(folder, "cert"), Path(folder, "key")
        secret_files.write(paths[0], made.cert_pem)
        secret_files.write(paths[1], made.key_pem)
        door = Door(place.near, place.trusted_port, broker.folder / "tls" / "ca.pem")
        with Visitor(door, name, paths) as visitor:
            return ENDED if visitor.connect() else NO_RIGHTS
