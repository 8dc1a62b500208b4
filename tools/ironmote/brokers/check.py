"""Who may do what at a broker that runs: tried as each party, and seen by somebody else.

What a broker answers proves nothing: refused publishes are acknowledged and dropped, refused subscriptions granted and
never served. So what one says is looked for at an observer, and what one may hear is said by it.
"""

import contextlib
import secrets
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .. import secret_files
from ..certificates import Authority, Credential
from ..errors import BrokerError
from ..open_folder import OpenFolder
from . import identity, probes, rights, written
from .rights import Rights
from .visitor import Door, Visitor
from .written import MOSQUITTO, Written

ALLOWED, REFUSED = "allowed", "refused"
CONNECT, SAY, KEEP, READ, LISTEN = "connect", "publish", "publish retained", "read", "read beyond that"
_WILDCARDS = ("#", "+/#", "+/+/+", "mote/#", "sealed/#", "mote/+/+", "sealed/+/+", "$SYS/#", "$MQTT/#", "$JS/#")
_MOST_REVOKED = 4
_SETTLE_S = 0.25  # for what must not arrive


@dataclass(frozen=True)
class Finding:
    """One thing that was tried: at which broker, who, what, where, what should happen, and what did."""

    at: str
    who: str
    does: str
    topic: str
    expected: str
    found: str

    @property
    def good(self) -> bool:
        """True where it is as it should be."""
        return self.expected == self.found

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        return {**asdict(self), "good": self.good}


@dataclass(frozen=True)
class _Party:
    """Who comes in by which door, with what, and what it may do. `nobody` is let in where `granted` is None."""

    who: str
    door: Door
    granted: Rights | None
    name: str
    certificate: str | None = None
    username: str | None = None
    password: str | None = None


def matches(topic_filter: str, topic: str) -> bool:
    """True where the MQTT filter (3.1.1, 4.7) has the topic in it."""
    wanted, levels = topic_filter.split("/"), topic.split("/")
    if levels[0].startswith("$") and wanted[0] in ("+", "#"):
        return False
    for number, each in enumerate(wanted):
        if each == "#":
            return True
        if number >= len(levels) or each not in ("+", levels[number]):
            return False
    return len(wanted) == len(levels)


def _allowed(filters: Iterable[str], topics: Iterable[str]) -> list[str]:
    return [topic for topic in topics if any(matches(each, topic) for each in filters)]


def check(held: OpenFolder, broker: Written, node: int | None = None) -> list[Finding]:
    """Try everything as everybody, at each node of a cluster or at one `node`, from 1.

    Raises BrokerError where the broker does not run, or lets no observer in.
    """
    found: list[Finding] = []
    for place in broker.places(node):
        try:
            with tempfile.TemporaryDirectory(prefix="ironmote-") as folder, contextlib.ExitStack() as stack:
                found += _Check(held, Written(broker.folder, place), Path(folder), stack).run()
        except ConnectionRefusedError:
            raise BrokerError(
                f"nobody listens at {place.near}:{place.trusted_port}; ironmote broker run starts it"
            ) from None
    return found


class _Check:
    def __init__(self, held: OpenFolder, broker: Written, keys: Path, stack: contextlib.ExitStack) -> None:
        self._held = held
        self._keys = keys
        self._stack = stack
        self._place = place = broker.place
        self._tls = broker.folder / "tls"
        self._fleet = written.served(held, place)
        self._at = f"{place.near}:{place.trusted_port}"
        self._tried = probes.topics_of(self._fleet)
        ca = self._tls / "ca.pem"
        self._trusted = Door(place.near, place.trusted_port, ca)
        self._clear = Door(place.near, place.clear_port)
        port = place.websockets if place.kind == MOSQUITTO else place.inlet
        self._websockets = Door(place.near, port, ca, websockets=True)
        self._observers = {self._trusted: self._observer(self._trusted)}
        self._observers[self._clear] = (
            self._observers[self._trusted] if place.kind == MOSQUITTO else self._observer(self._websockets)
        )

    def run(self) -> Iterator[Finding]:
        parties = [*self._users(), *self._motes(), *self._strangers(), *self._revoked()]
        self._held.save()  # certificates that were made for this are kept for the next time
        for party in parties:
            yield from self._try(party)

    def _observer(self, door: Door) -> Visitor:
        login = (probes.OBSERVER, self._password(probes.OBSERVER)) if door.websockets else (None, None)
        name = f"check-{secrets.token_hex(8)}"
        visitor = Visitor(door, name, self._certificate(probes.OBSERVER), *login)
        self._stack.enter_context(visitor)
        if not visitor.connect():
            raise BrokerError(
                f"{door.host}:{door.port} does not let {probes.OBSERVER} in: it runs with other files, or is another "
                "broker; ironmote broker reload"
            )
        visitor.subscribe(self._tried)
        return visitor

    def _users(self) -> Iterator[_Party]:
        for role in probes.roles_of(self._fleet):
            name = probes.PREFIX + role.name
            yield _Party(f"role {role.name}", self._trusted, rights.of_user(role), name, name)

    def _motes(self) -> Iterator[_Party]:
        name, sealed = probes.TLS_MOTE, probes.sealed_mote(self._password, self._place.clear)
        mote = probes.join(self._fleet, self._password, self._place.clear).motes[name]
        yield _Party("a mote with TLS", self._trusted, rights.of_mote(mote), name, name)
        if self._place.kind == MOSQUITTO and self._place.websockets:
            yield _Party("a mote with TLS, by WebSockets", self._websockets, rights.of_mote(mote), name, name)
        login = (sealed.id, sealed.static_password(self._fleet.id))
        yield _Party("a sealed mote", self._clear, rights.of_mote(sealed), sealed.id, None, *login)

    def _strangers(self) -> Iterator[_Party]:
        sealed = probes.sealed_mote(self._password, self._place.clear)
        password, name = sealed.static_password(self._fleet.id), probes.SEALED_MOTE
        canary = probes.REVOKED
        self._write(canary, (self._tls / f"{canary}.pem").read_bytes(), (self._tls / f"{canary}.key").read_bytes())
        self._keep("stranger", Authority.create().issue(probes.TLS_MOTE))
        self._keep("server", self._held.authority.issue(probes.TLS_MOTE, [probes.TLS_MOTE], server=True))
        mote = probes.TLS_MOTE
        yield _Party("without a certificate", self._trusted, None, mote)
        yield _Party("with a password, no certificate", self._trusted, None, name, None, name, password)
        yield _Party("a certificate of another authority", self._trusted, None, mote, "stranger")
        yield _Party("a server's certificate", self._trusted, None, mote, "server")
        yield _Party("a revoked certificate", self._trusted, None, canary, canary)
        if self._place.kind != MOSQUITTO:  # where there is no list, a name alone must not be enough
            self._keep("earlier", self._held.authority.issue(mote))
            yield _Party("a mote's certificate of before", self._trusted, None, mote, "earlier")
        if self._websockets.port:
            yield _Party("without a certificate, by WebSockets", self._websockets, None, mote)
        if self._place.kind != MOSQUITTO:
            yield _Party("a mote's certificate, by the gateway's way in", self._websockets, None, mote, mote)
        plain = Door(self._trusted.host, self._trusted.port)
        yield _Party("without TLS, at the door for TLS", plain, None, name, None, name, password)
        yield _Party("without a name", self._clear, None, name)
        yield _Party("without a password", self._clear, None, name, None, name)
        yield _Party("with a wrong password", self._clear, None, name, None, name, "1.0.wrong")
        yield _Party("another mote's password", self._clear, None, probes.OTHER, None, probes.OTHER, password)
        yield _Party("a mote with TLS, without it", self._clear, None, mote, None, mote, password)
        for gateway in (identity.GATEWAY_HOME, identity.GATEWAY_CLEAR):
            yield _Party(f"{gateway} by a mote's password", self._clear, None, gateway, None, gateway, password)

    def _revoked(self) -> Iterator[_Party]:
        """Motes that were revoked, each with a certificate as good as a mote's can be: it gives them nothing."""
        revoked = [mote.id for mote in self._fleet.motes.values() if mote.revoked]
        for name in revoked[:_MOST_REVOKED]:
            self._keep(name, self._held.authority.issue(name))
            yield _Party(f"{name}, which was revoked", self._trusted, Rights((), ()), name, name)

    def _try(self, party: _Party) -> Iterator[Finding]:
        paths = None if party.certificate is None else self._certificate(party.certificate)
        client_id = party.name.replace(".", "-")  # NATS takes no dots in it
        with Visitor(party.door, client_id, paths, party.username, party.password) as visitor:
            let_in = visitor.connect()
            if party.granted is None or party.granted.publish or party.granted.subscribe:
                expected = REFUSED if party.granted is None else ALLOWED
                yield Finding(self._at, party.who, CONNECT, "", expected, ALLOWED if let_in else REFUSED)
            if let_in:
                yield from self._try_rights(party, visitor, party.granted or Rights((), ()))

    def _try_rights(self, party: _Party, visitor: Visitor, granted: Rights) -> Iterator[Finding]:
        observer = self._observers.get(party.door, self._observers[self._trusted])
        may = _allowed(granted.publish, self._tried)
        said = {(does, topic): _mark() for does in (SAY, KEEP) for topic in self._tried}
        for does in (SAY, KEEP):
            visitor.publish(((topic, said[does, topic]) for topic in self._tried), retain=does == KEEP)
        observer.hears((topic, said[does, topic]) for does in (SAY, KEEP) for topic in may)
        time.sleep(_SETTLE_S)
        for does in (SAY, KEEP):
            arrived = {topic for topic in self._tried if (topic, said[does, topic]) in observer.heard}
            yield from self._compare(party.who, does, self._tried, may, arrived)
        observer.publish(((topic, b"") for topic in arrived), retain=True)  # nothing of a check stays behind
        may = _allowed(granted.subscribe, self._tried)
        visitor.subscribe(_WILDCARDS)
        visitor.subscribe(self._tried)
        heard = self._tell(observer, visitor, may)
        # Its rights may well take in what real motes say meanwhile.
        beyond = sorted(topic for topic in heard if not _allowed(granted.subscribe, [topic]))
        yield Finding(self._at, party.who, LISTEN, ", ".join(beyond) or "#", REFUSED, ALLOWED if beyond else REFUSED)
        yield from self._compare(party.who, READ, self._tried, may, heard)

    def _tell(self, observer: Visitor, visitor: Visitor, may: Sequence[str]) -> set[str]:
        """Have the observer say something everywhere; which topics reach the visitor."""
        visitor.heard.clear()
        said = {topic: _mark() for topic in self._tried}
        observer.publish(said.items())
        visitor.hears((topic, said[topic]) for topic in may)
        time.sleep(_SETTLE_S)
        # All that it hears, not only what was said just now: somebody else's is worse.
        return {topic for topic, _ in visitor.heard}

    def _compare(
        self, who: str, does: str, topics: Iterable[str], may: Sequence[str], did: set[str]
    ) -> Iterator[Finding]:
        for topic in topics:
            expected, found = (ALLOWED if topic in those else REFUSED for those in (may, did))
            yield Finding(self._at, who, does, topic, expected, found)

    def _password(self, name: str) -> str:
        return written.password(self._held, name)

    def _certificate(self, name: str) -> tuple[Path, Path]:
        paths = self._keys / f"{name}.pem", self._keys / f"{name}.key"
        if not paths[0].exists():
            self._keep(name, self._held.certificates.get(name))
        return paths

    def _keep(self, name: str, credential: Credential) -> None:
        self._write(name, credential.cert_pem, credential.key_pem)

    def _write(self, name: str, certificate: bytes, key: bytes) -> None:
        secret_files.write(self._keys / f"{name}.pem", certificate)
        secret_files.write(self._keys / f"{name}.key", key)


def _mark() -> bytes:
    return b"check " + secrets.token_hex(8).encode()
