"""A gateway that speaks on the trusted side of a real broker, users of its fleet there, and sealed motes."""

import contextlib
import functools
import queue
from collections.abc import Iterator
from pathlib import Path

import waits
from gateway_bench import Client as SealedClient
from gateway_motes import SealingMote, a_fleet
from ironmote.certificates import Authority
from ironmote.fleet import Fleet
from ironmote.gateway import Gateway, MessageRefused
from ironmote.gateway.hub import Hub
from ironmote.gateway.members import members_of
from ironmote.northbound.republisher import Republisher
from ironmote.roles import CONTROLLER, HOME_ASSISTANT, MONITOR
from mote import command

USERS = {"screen": MONITOR, "panel": CONTROLLER, "house": HOME_ASSISTANT}


class TrustedSide:
    """Without a `fleet` cellar and attic are sealed, and kitchen speaks TLS; `events` has what the gateway told."""

    def __init__(self, kind, folder: Path, fleet: Fleet | None = None) -> None:
        self.folder = folder
        self.fleet = fleet or a_fleet()
        self.fleet.users = dict(USERS)
        self.authority = Authority.create()
        self.broker = kind(self.fleet, self.authority, folder / "broker")
        self.broker.start()
        self.events: queue.Queue = queue.Queue()
        self.gateway = self.start_gateway()
        self.certificates = folder / "certificates"
        self.certificates.mkdir()
        (self.certificates / "ca.crt").write_bytes(self.authority.ca_pem)
        for name in (*USERS, "kitchen"):
            made = self.authority.issue(name)
            (self.certificates / f"{name}.pem").write_bytes(made.cert_pem)
            (self.certificates / f"{name}.key").write_bytes(made.key_pem)
        self.door = {
            "host": self.broker.trusted.host,
            "port": self.broker.trusted.port,
            "certificates": self.certificates,
        }

    def start_gateway(self, outlet=None) -> Gateway:
        """A gateway, with a Republisher if nothing else."""
        hub, republisher = Hub(), Republisher()
        self.hub = hub
        gateway = Gateway(
            self.fleet.id,
            members_of(self.fleet),
            self.broker.gateway,
            self.folder / "g.db",
            hub,
            outlet=outlet or republisher,
        )
        if outlet is None:
            republisher.begin(gateway)
        hub.add(self.events.put)
        hub.add(republisher.event)
        gateway.start()
        return gateway

    def sealed(self, name: str = "cellar", boot: int = 1) -> SealedClient:
        """A sealed mote that is connected, and has said that it is there."""
        client = SealedClient(self.broker, self.fleet, SealingMote(self.fleet, name, boot))
        client.publish("state", client.mote.state(free=30000, version="1.2.3"))
        return client

    def refused(self) -> list[MessageRefused]:
        """What was refused so far."""
        return [event for event in list(self.events.queue) if isinstance(event, MessageRefused)]

    def answer(self, client: SealedClient, result: str = command.DONE, value=1):
        """Have the mote answer the next command; gives the command."""
        order, _ = client.mote.open_command(client.downs.get(timeout=10))
        client.publish("ack", client.mote.answer(order, result, value))
        return order

    def close(self) -> None:
        self.gateway.stop()
        self.broker.stop()


wait = functools.partial(waits.until, within_s=20.0)


@contextlib.contextmanager
def running(kind: type, folder: Path, fleet: Fleet | None = None) -> Iterator[TrustedSide]:
    """A TrustedSide at a broker of this kind, ended whatever happens."""
    side = TrustedSide(kind, folder, fleet)
    try:
        yield side
    finally:
        side.close()
