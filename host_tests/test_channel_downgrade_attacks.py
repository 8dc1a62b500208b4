"""Breaking the handshake gains nothing: no CONNECT in the clear, no other channel, no other port; and back after it.

Running motes, each against somebody at its broker's port. All are attacked at the same time, which costs the time of
one; each test looks at the evidence of one way.
"""

import json
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from unittest import mock

import hostile
import pytest
import real_brokers
from channel_motes import ChannelMote, add
from clients import gateway
from hostile import ALERT, APPLICATION_DATA, HANDSHAKE, Listener, TlsServer
from ironmote import certificates
from ironmote.brokers.mosquitto import MosquittoBroker
from ironmote.certificates import Authority, Credential
from ironmote.fleet import Fleet

pytestmark = pytest.mark.long

ATTEMPTS = 2
ATTACK_S = 60.0
BACK_S = 60.0
CONNACK = b"\x20\x02\x00\x00"
HANDSHAKE_FAILURE = b"\x15\x03\x03\x00\x02\x02\x28"
LAST_CENTURY = 946_684_800 + 86_400 * 400  # 2001: before any floor
YEARS_AHEAD = int(time.time()) + 15 * 31_557_600  # after the end of every certificate
NEXT_CENTURY = 4_102_444_800  # 2100: further ahead than any clock is believed


class Site:
    """The honest broker, and the servers of those who are not."""

    def __init__(self, folder: Path, motes: dict[str, str]) -> None:
        self.folder = folder
        self.fleet, self.authority = Fleet.create(), Authority.create()
        other, strangers = Fleet.create(), Fleet.create()
        for mote_id, channel in motes.items():
            add(self.fleet, mote_id, channel)
            add(other, mote_id, channel)  # the same ids, other keys
        add(strangers, "somebody", "tls-psk")
        add(self.fleet, "in-the-clear", "sealed")
        self.broker = MosquittoBroker(self.fleet, self.authority, folder / "honest")
        self.wrong_key = MosquittoBroker(other, Authority.create(), folder / "wrong-key")
        self.wrong_identity = MosquittoBroker(strangers, Authority.create(), folder / "wrong-identity")
        self.brokers = (self.broker, self.wrong_key, self.wrong_identity)
        self.servers: list[TlsServer] = []
        self.honest = self.issue()
        for broker in self.brokers:
            broker.start()

    def issue(self, names: tuple[str, ...] = ("localhost",), server: bool = True) -> Credential:
        return self.authority.issue(names[0], names, server)

    def serve(self, credential: Credential, **how) -> int:
        server = TlsServer(self.folder / f"server{len(self.servers)}", credential, **how)
        self.servers.append(server)
        return server.port

    def close(self) -> None:
        for each in (*self.servers,):
            each.close()
        for broker in self.brokers:
            broker.stop()


def expired(site: Site) -> Credential:
    with mock.patch.object(certificates, "_BACKDATED", timedelta(days=certificates.LEAF_DAYS + 1)):
        return site.issue()


@dataclass(frozen=True)
class Way:
    """One way to break a handshake. `behave` makes the behaviour of the port; None keeps it closed."""

    name: str
    channel: str
    behave: Callable[[Site], hostile.Behaviour | None]
    faults: dict = field(default_factory=dict)
    said: str = "link: lost: "  # what the console must say, at least ATTEMPTS times
    dials: bool = True

    @property
    def mote_id(self) -> str:
        return self.name.replace("_", "-")


def tls(name: str, credential: Callable[[Site], Credential], **how) -> Way:
    return Way(name, "tls", lambda site: hostile.relay(site.serve(credential(site), **how)))


def everyone(channel: str, mark: str) -> list[Way]:
    """The ways that break any TLS."""
    return [
        Way(f"{mark}_closed_port", channel, lambda site: None),
        Way(f"{mark}_reset_after_hello", channel, lambda site: hostile.reset),
        Way(f"{mark}_silence", channel, lambda site: hostile.silence),
        Way(f"{mark}_garbage", channel, lambda site: hostile.says(bytes(range(256)) * 4)),
        Way(f"{mark}_plain_connack", channel, lambda site: hostile.says(CONNACK)),
        Way(f"{mark}_alert", channel, lambda site: hostile.says(HANDSHAKE_FAILURE)),
        Way(f"{mark}_plain_broker", channel, lambda site: hostile.relay(site.broker.clear.port)),
    ]


def trusted(site: Site) -> int:
    return site.broker.trusted.port


WAYS = [
    *everyone("tls", "tls"),
    Way("cut_in_server_hello", "tls", lambda site: hostile.relay(trusted(site), 40)),
    Way("cut_in_certificate", "tls", lambda site: hostile.relay(trusted(site), 400)),
    tls("only_tls_1_0", lambda site: site.honest, version=ssl.TLSVersion.TLSv1, suites="ALL:@SECLEVEL=0"),
    tls("no_common_suite", lambda site: site.honest, version=ssl.TLSVersion.TLSv1_2, suites="ECDHE-ECDSA-AES128-CCM8"),
    tls("another_authority", lambda site: Authority.create().issue("localhost", ["localhost"], server=True)),
    tls("another_name", lambda site: site.issue(("elsewhere",))),
    tls("expired", expired),
    tls("self_signed", lambda site: hostile.self_signed("localhost")),
    tls("mote_as_broker", lambda site: site.issue(server=False)),
    *everyone("tls-psk", "psk"),
    Way("psk_cut_in_server_hello", "tls-psk", lambda site: hostile.relay(site.broker.psk.port, 40)),
    Way("psk_another_key", "tls-psk", lambda site: hostile.relay(site.wrong_key.psk.port)),
    Way("psk_not_known", "tls-psk", lambda site: hostile.relay(site.wrong_identity.psk.port)),
    Way("psk_certificate_instead", "tls-psk", lambda site: hostile.relay(site.serve(site.honest))),
    Way("tls_sealed_plain_broker", "tls+sealed", lambda site: hostile.relay(site.broker.clear.port)),
    Way("psk_sealed_plain_broker", "tls-psk+sealed", lambda site: hostile.relay(site.broker.clear.port)),
    Way("no_memory", "tls", lambda site: hostile.relay(trusted(site)), {"tls": "no_memory"}),
    Way("memory_error", "tls", lambda site: hostile.relay(trusted(site)), {"tls": "memory_error"}, "MemoryError"),
    Way("clock_below_floor", "tls", lambda site: hostile.relay(trusted(site)), {"ntp": LAST_CENTURY},
        "answer is no time, or none that can be true", dials=False),
    Way("clock_far_ahead", "tls", lambda site: hostile.relay(trusted(site)), {"ntp": YEARS_AHEAD}),
    Way("clock_next_century", "tls", lambda site: hostile.relay(trusted(site)), {"ntp": NEXT_CENTURY},
        "answer is no time, or none that can be true", dials=False),
    Way("clock_short_answer", "tls", lambda site: hostile.relay(trusted(site)), {"ntp": "short"},
        "answer is no time, or none that can be true", dials=False),
]  # fmt: skip


@dataclass
class Evidence:
    """What there was to see of one way: during the attack, and after it."""

    sent: list[bytes]
    console: list[str]
    dialled: list[str]
    port: int
    came_back: bool = False
    dialled_after: list[str] = field(default_factory=list)
    console_after: list[str] = field(default_factory=list)


def honest_port(site: Site, way: Way) -> int:
    return site.broker.psk.port if way.channel.startswith("tls-psk") else site.broker.trusted.port


@pytest.fixture(scope="module")
def evidence(tmp_path_factory):
    real_brokers.require_mosquitto()
    folder = tmp_path_factory.mktemp("attack")
    site = Site(folder, {way.mote_id: way.channel for way in WAYS})
    hubs = [gateway(access) for access in site.broker.gateway]
    listeners: dict[str, Listener] = {}
    motes: dict[str, ChannelMote] = {}
    found: dict[str, Evidence] = {}
    try:
        for hub, access in zip(hubs, site.broker.gateway, strict=True):
            assert hub.connect(access.host, access.port)
            assert hub.subscribe(f"{access.prefix}/+/up")
        for way in WAYS:
            listener = listeners[way.name] = Listener(way.behave(site))
            mote = motes[way.name] = ChannelMote(
                site.fleet, site.fleet.motes[way.mote_id], site.authority, listener.port, folder / way.mote_id
            )
            mote.put(json.dumps(way.faults))
            mote.board.start()
        end = time.monotonic() + ATTACK_S
        while len(found) < len(WAYS):
            time.sleep(0.05)
            for way in WAYS:
                mote, listener = motes[way.name], listeners[way.name]
                if way.name not in found and (mote.said(way.said) >= ATTEMPTS or time.monotonic() > end):
                    sent = [bytes(link.seen) for link in list(listener.links)]
                    found[way.name] = Evidence(sent, list(mote.lines), mote.dialled(), listener.port)
                    listener.become(hostile.relay(honest_port(site, way)))
                    mote.put("{}")
        heard = lambda topic: any(m[0] == topic for hub in hubs for m in hub.messages)  # noqa: E731
        end = time.monotonic() + BACK_S
        for way in WAYS:
            mote, seen = motes[way.name], found[way.name]
            topic = f"{'sealed' if 'sealed' in way.channel else 'mote'}/{way.mote_id}/up"
            seen.came_back = mote.waits(lambda t=topic: heard(t), end - time.monotonic())
            seen.dialled_after, seen.console_after = mote.dialled(), list(mote.lines)
        yield found
    finally:
        for mote in motes.values():
            mote.board.stop()
        for listener in listeners.values():
            listener.close()
        for hub in hubs:
            hub.disconnect()
        site.close()


every_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)


@every_way
def test_broken_handshake_sends_no_connect(evidence, way):
    """All that the other end ever got are handshake records and alerts: nothing of MQTT, sealed or not."""
    for sent in evidence[way.name].sent:
        types = hostile.records(sent)
        assert set(types) <= {20, ALERT, HANDSHAKE}, types
        assert APPLICATION_DATA not in types
        for word in (b"MQTT", b"mote/", b"sealed/", b"/state"):
            assert word not in sent
        if not way.channel.startswith("tls-psk"):  # where the identity is part of the handshake
            assert way.mote_id.encode() not in sent


@every_way
def test_broken_handshake_is_tried_again_on_the_same_port_and_said(evidence, way):
    seen = evidence[way.name]
    assert sum(way.said in line for line in seen.console) >= ATTEMPTS, seen.console
    assert not any("connected, session" in line for line in seen.console)
    assert set(seen.dialled) == ({f"127.0.0.1 {seen.port}"} if way.dials else set())
    assert all(way.channel + ":" in line for line in seen.console if "channel" in line)


@every_way
def test_mote_comes_back_when_the_honest_broker_does_and_never_went_elsewhere(evidence, way):
    seen = evidence[way.name]
    assert seen.came_back, seen.console_after
    assert set(seen.dialled_after) == {f"127.0.0.1 {seen.port}"}
    assert all(way.channel + ":" in line for line in seen.console_after if "channel" in line)
