"""Brokers for a fleet: what they share. Each is configured from the fleet alone; nothing is open by default."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from mote import topics

from ..errors import BrokerError
from ..fleet import CLEAR, HOME, Mote

# What the brokers' certificates are issued for.
SERVER_NAME = "localhost"
LOOPBACK = "127.0.0.1"


def new_password(name: str) -> str:
    """A password of 256 bits for the service `name`, other each time: for brokers that live for a while."""
    return secrets.token_urlsafe(32)


@dataclass(frozen=True)
class Site:
    """Where a fleet's brokers listen and what they are called; as it is, this machine alone.

    `bind` is the address, `names` and `addresses` are what certificates say, `home` and `clear` the zones. `revoked` is
    the list of revoked certificates (PEM), `password` gives that of a service by its name, `observer` is the name of
    who may see and say what `broker check` tries. With `stream` gateways take turns at NATS's clear zone.
    """

    bind: str = LOOPBACK
    names: tuple[str, ...] = (SERVER_NAME,)
    addresses: tuple[str, ...] = (LOOPBACK,)
    home: str = HOME
    clear: str = CLEAR
    revoked: bytes | None = None
    password: Callable[[str], str] = field(default=new_password, repr=False)
    observer: str | None = None
    stream: bool = False

    @property
    def everywhere(self) -> bool:
        """True where they listen on every address."""
        return self.bind in ("0.0.0.0", "::")  # noqa: S104 (compared, not bound)

    @property
    def near(self) -> str:
        """The address under which this machine itself reaches them."""
        return LOOPBACK if self.everywhere else self.bind


@dataclass(frozen=True)
class Endpoint:
    """Where motes connect."""

    host: str
    port: int


@dataclass(frozen=True)
class GatewayAccess:
    """How the gateway reaches one zone: always TLS, with a client certificate where there is one.

    Without `ca_file` the system's authorities are believed. `prefix` is the first topic level it deals with there.
    `client_id` is the same for as long as the broker's files are, so that the gateway's persistent session survives a
    restart of the gateway. `again_s` is after how many seconds at most the broker delivers again what was not
    acknowledged, to a session that is resumed. `more` are further places that lead to the same session, each its host
    and its port: the other nodes of a cluster. `republish` is False where the broker may be somebody else's.
    """

    zone: str
    prefix: str
    host: str
    port: int
    transport: str  # "tcp", "websockets", or "stream": NATS's own protocol, where gateways take turns
    username: str | None
    password: str | None = field(repr=False)
    ca_file: Path | None
    cert_file: Path | None
    key_file: Path | None
    client_id: str
    again_s: float = 0.0
    more: tuple[tuple[str, int], ...] = ()
    republish: bool = True

    @property
    def is_trusted(self) -> bool:
        """True where what gateways verified of sealed motes is said in the clear, inside TLS, for consumers."""
        return self.republish and self.prefix == topics.OPEN and self.transport in ("tcp", "websockets")


class Broker(Protocol):
    """A broker that serves a fleet's motes over TLS (`trusted`, `psk`) and its sealed motes in the clear (`clear`)."""

    @property
    def connect(self) -> str:
        """What motes show at `clear`: "token" where it can ask an authenticator, "static" where it only compares."""

    @property
    def name(self) -> str:
        """Product and version, for people."""

    @property
    def trusted(self) -> Endpoint:
        """Where motes connect with TLS and a certificate; the broker's is for SERVER_NAME."""

    @property
    def psk(self) -> Endpoint | None:
        """Where motes connect with TLS and a pre-shared key; None where no mote of the fleet does."""

    @property
    def clear(self) -> Endpoint:
        """Where sealed motes connect over TCP."""

    @property
    def gateway(self) -> list[GatewayAccess]:
        """How the gateway reaches each zone."""

    @property
    def alive(self) -> bool:
        """True while every process of the broker runs."""

    @property
    def trouble(self) -> str | None:
        """Which process ended, of which zone, and how; None while every one runs."""

    def start(self) -> None:
        """Start, and return when it is ready for connections. BrokerError when it does not come up."""

    def stop(self) -> None:
        """End it. Does nothing when it is not running."""


def endpoint(broker: Broker, mote: Mote) -> Endpoint:
    """Where `mote` connects, by its channel. Raises BrokerError where the broker has no such door."""
    if not mote.encrypts:
        return broker.clear
    found = broker.psk if mote.shares_key else broker.trusted
    if found is None:
        raise BrokerError(f"{broker.name} was not set up for {mote.id}, which speaks {mote.channel}")
    return found
