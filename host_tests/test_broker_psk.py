"""Mosquitto's listener for pre-shared keys: the key decides who somebody is, and no key means no way in."""

import contextlib
import json
import os
import socket
import ssl
import subprocess
import types

import clients
import pytest
import real_brokers
from channel_motes import add
from clients import Client, gateway, with_certificate
from ironmote.brokers.mosquitto import MosquittoBroker
from ironmote.certificates import Authority
from ironmote.fleet import Fleet
from ironmote.interpreter import find_micropython

HERE = os.path.dirname(__file__)


def text(words: str) -> bytes:
    return len(words).to_bytes(2, "big") + words.encode()


def packet(kind: int, body: bytes) -> str:
    return (bytes((kind, len(body))) + body).hex()


def connect(client_id: str, user: str | None = None) -> str:
    flags = 0x02 | (0x80 if user is not None else 0)
    return packet(0x10, text("MQTT") + bytes((4, flags, 0, 30)) + text(client_id) + (text(user) if user else b""))


def publish(topic: str, payload: bytes, number: int) -> str:
    return packet(0x32, text(topic) + number.to_bytes(2, "big") + payload)


def subscribe(topic: str, number: int) -> str:
    return packet(0x82, number.to_bytes(2, "big") + text(topic) + b"\x01")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    real_brokers.require_mosquitto()
    folder = tmp_path_factory.mktemp("psk")
    fleet, authority = Fleet.create(), Authority.create()
    for mote, channel in (
        ("kitchen", "tls-psk"), ("pantry", "tls-psk"), ("cellar", "tls-psk+sealed"), ("hall", "tls"),
    ):  # fmt: skip
        add(fleet, mote, channel)
    broker = MosquittoBroker(fleet, authority, folder / "broker")
    broker.start()
    yield types.SimpleNamespace(fleet=fleet, authority=authority, broker=broker, folder=folder)
    broker.stop()


@pytest.fixture
def hub(site):
    """All that the gateway hears, both prefixes."""
    with contextlib.ExitStack() as stack:
        hubs = []
        for access in site.broker.gateway:
            client = gateway(access)
            assert client.connect(access.host, access.port)
            stack.callback(client.disconnect)
            for leaf in ("up", "ack", "state"):
                assert client.subscribe(f"{access.prefix}/+/{leaf}")
            hubs.append(client)
        yield types.SimpleNamespace(
            open=hubs[0], sealed=hubs[1], heard=lambda: {m[:2] for each in hubs for m in each.messages}
        )


def come_in(site, identity: str, key: bytes, packets: list[str], ms: int = 400) -> list[str]:
    """The lines of a client with this identity and key, after it has sent the packets."""
    plan = site.folder / "plan.json"
    plan.write_text(
        json.dumps({"port": site.broker.psk.port, "identity": identity, "key": key.hex(), "packets": packets, "ms": ms})
    )
    done = subprocess.run(
        [*find_micropython(), os.path.join(HERE, "psk_client.py"), str(plan)],
        capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    return done.stdout.splitlines()


def key_of(site, mote: str) -> bytes:
    return site.fleet.motes[mote].psk(site.fleet.id)


def test_key_decides_who_a_client_is_whatever_its_connect_says(site, hub):
    packets = [connect("pantry", "pantry")]
    others = "mote/pantry/up mote/pantry/state mote/pantry/down mote/hall/up sealed/cellar/up sealed/kitchen/up"
    packets += [publish(topic, b"forged", number) for number, topic in enumerate(others.split(), 1)]
    packets += [publish("mote/kitchen/up", b"as myself", 99)]
    lines = come_in(site, "kitchen", key_of(site, "kitchen"), packets)
    assert lines[0].startswith("secured")
    assert hub.open.hears("mote/kitchen/up", b"as myself")
    clients.settle()
    assert hub.heard() == {("mote/kitchen/up", b"as myself")}


def test_mote_with_a_key_cannot_listen_to_others(site, hub):
    spied = ("#", "+/+/+", "mote/+/up", "mote/pantry/down", "sealed/#", "$SYS/#")
    packets = [connect("kitchen")] + [subscribe(topic, number) for number, topic in enumerate(spied, 1)]
    hub.open.publish("mote/pantry/down", b"secret", retain=True)
    lines = come_in(site, "kitchen", key_of(site, "kitchen"), packets, ms=1000)
    own = [connect("pantry"), subscribe("mote/pantry/down", 1)]
    its = come_in(site, "pantry", key_of(site, "pantry"), own, ms=1000)
    hub.open.publish("mote/pantry/down", b"", retain=True)
    assert lines[0].startswith("secured")
    assert b"secret".hex() not in "".join(lines)
    assert b"secret".hex() in "".join(its)


def test_mote_that_seals_inside_it_cannot_speak_openly(site, hub):
    packets = [connect("cellar"), publish("mote/cellar/up", b"open", 1), publish("sealed/cellar/up", b"\xd0", 2)]
    come_in(site, "cellar", key_of(site, "cellar"), packets)
    assert hub.sealed.hears("sealed/cellar/up", b"\xd0")
    assert hub.heard() == {("sealed/cellar/up", b"\xd0")}


@pytest.mark.parametrize(
    ("identity", "owner"),
    [
        ("kitchen", "pantry"),
        ("kitchen", None),
        ("hall", "hall"),
        ("gateway.home", "kitchen"),
        ("nobody", "kitchen"),
        ("", "kitchen"),
    ],
)
def test_wrong_key_or_unknown_identity_does_not_get_in(site, identity, owner):
    key = key_of(site, owner) if owner else bytes(32)
    try:
        lines = come_in(site, identity, key, [connect("kitchen")])
    except subprocess.CalledProcessError:
        assert identity == ""  # MicroPython itself refuses an empty identity
        return
    assert lines
    assert lines[0].startswith("refused")


def test_certificate_is_no_key(site):
    client = with_certificate(site.authority.issue("kitchen"), site.broker.gateway[0].ca_file, site.folder, "kitchen")
    assert not client.connect(site.broker.psk.host, site.broker.psk.port)


def test_plain_tcp_and_tls_without_anything_are_refused(site):
    assert not Client("kitchen", username="kitchen").connect(site.broker.psk.host, site.broker.psk.port)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    address = (site.broker.psk.host, site.broker.psk.port)
    with socket.create_connection(address, timeout=5) as raw, pytest.raises(ssl.SSLError):
        context.wrap_socket(raw)


def test_fleet_without_such_motes_has_no_such_listener(tmp_path, site):
    fleet = Fleet.create()
    add(fleet, "hall", "tls")
    broker = MosquittoBroker(fleet, site.authority, tmp_path / "broker")
    assert broker.psk is None
    assert not (tmp_path / "broker" / "psk.keys").exists()
    assert "psk" not in (tmp_path / "broker" / "mosquitto.conf").read_text()
