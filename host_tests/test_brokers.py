"""What each user of a broker may and may not do. Both brokers are asked, for real, over real sockets.

Refused publishes cannot be seen by who sends them: both brokers acknowledge them all the same, and drop
them. So each is followed by an allowed one on the same connection, and what counts is what the receiver got.
"""

import contextlib
import re
import socket
import ssl
import types

import clients
import pytest
from clients import Client, at, gateway, with_certificate
from ironmote.brokers import Broker, process
from ironmote.brokers.mosquitto import MosquittoBroker
from ironmote.brokers.nats import NatsBroker
from ironmote.certificates import Authority
from ironmote.errors import BrokerError
from ironmote.fleet import CLEAR, Fleet

BROKERS = [NatsBroker, MosquittoBroker]


def make_fleet() -> Fleet:
    fleet = Fleet.create()
    for mote_id, channel in (("kitchen", "tls"), ("pantry", "tls"), ("cellar", "sealed"), ("attic", "sealed")):
        mote = fleet.add(mote_id, "esp32")
        mote.channel = channel
        if channel == "sealed":
            mote.zone, mote.connect = CLEAR, "static"
    return fleet


@pytest.fixture(scope="module", params=BROKERS, ids=["nats", "mosquitto"])
def site(request, tmp_path_factory):
    """A running broker with everything around it."""
    folder = tmp_path_factory.mktemp("broker")
    fleet, authority = make_fleet(), Authority.create()
    broker: Broker = request.param(fleet, authority, folder / "broker")
    broker.start()
    yield types.SimpleNamespace(
        broker=broker, fleet=fleet, authority=authority, folder=folder, ca=broker.gateway[0].ca_file,
        nats=isinstance(broker, NatsBroker),
    )  # fmt: skip
    broker.stop()


@pytest.fixture
def open_clients():
    with contextlib.ExitStack() as stack:
        yield lambda client: stack.callback(client.disconnect) and client


@pytest.fixture
def mote(site, open_clients):
    """mote(id): that mote, connected on its own listener."""

    def make(mote_id: str, **login) -> Client:
        mote = site.fleet.motes[mote_id]
        if mote.channel == "tls":
            client = with_certificate(
                site.authority.issue(mote_id), site.ca, site.folder, login.pop("client_id", mote_id), **login
            )
            return open_clients(at(client, site.broker.trusted))
        client = Client(
            login.pop("client_id", mote_id), username=mote_id, password=mote.static_password(site.fleet.id), **login
        )
        return open_clients(at(client, site.broker.clear))

    return make


@pytest.fixture
def hub(site, open_clients):
    """The gateway's two connections, subscribed to all that it hears."""
    hub = {}
    for access in site.broker.gateway:
        client = gateway(access)
        assert client.connect(access.host, access.port)
        open_clients(client)
        for leaf in ("up", "ack", "state"):
            assert client.subscribe(f"{access.prefix}/+/{leaf}")
        hub[access.prefix] = client
    return hub


def nothing_but(client: Client, *topics: str) -> bool:
    clients.settle()
    return {message[0] for message in client.messages} <= set(topics)


# What they are for


def test_gateway_hears_what_a_tls_mote_says(hub, mote):
    kitchen = mote("kitchen")
    for leaf in ("up", "ack", "state"):
        kitchen.publish(f"mote/kitchen/{leaf}", b"hello")
        assert hub["mote"].hears(f"mote/kitchen/{leaf}", b"hello")


def test_gateway_hears_what_a_sealed_mote_says(hub, mote):
    cellar = mote("cellar")
    for leaf in ("up", "ack", "state"):
        cellar.publish(f"sealed/cellar/{leaf}", b"\xd0hello")
        assert hub["sealed"].hears(f"sealed/cellar/{leaf}", b"\xd0hello")


def test_motes_hear_their_own_commands_only(hub, mote):
    kitchen, pantry, cellar, attic = (mote(name) for name in ("kitchen", "pantry", "cellar", "attic"))
    for prefix, name, client in (
        ("mote", "kitchen", kitchen),
        ("mote", "pantry", pantry),
        ("sealed", "cellar", cellar),
        ("sealed", "attic", attic),
    ):
        assert client.subscribe(f"{prefix}/{name}/down")
    hub["mote"].publish("mote/kitchen/down", b"on")
    hub["sealed"].publish("sealed/cellar/down", b"on")
    assert kitchen.hears("mote/kitchen/down", b"on")
    assert cellar.hears("sealed/cellar/down", b"on")
    clients.settle()
    assert pantry.messages == []
    assert attic.messages == []


def test_retained_state_is_there_for_a_gateway_that_comes_later(site, mote, open_clients):
    kitchen = mote("kitchen")
    kitchen.publish("mote/kitchen/state", b"online", retain=True)
    clients.settle()
    late = gateway(site.broker.gateway[0])
    open_clients(late)
    assert late.connect(site.broker.gateway[0].host, site.broker.gateway[0].port)
    assert late.subscribe("mote/+/state")
    assert late.hears("mote/kitchen/state", b"online")
    kitchen.publish("mote/kitchen/state", b"", retain=True)
    clients.settle()


@pytest.mark.parametrize("number", [0, 1], ids=["home", "clear"])
def test_gateway_that_was_away_gets_what_was_said_meanwhile(site, mote, open_clients, number):
    access = site.broker.gateway[number]
    name = ("kitchen", "cellar")[number]
    topic = f"{access.prefix}/{name}/up"
    first = gateway(access, clean=False)
    assert first.connect(access.host, access.port)
    assert first.subscribe(f"{access.prefix}/+/up")
    first.disconnect()
    mote(name).publish(topic, b"meanwhile")
    clients.settle()
    second = gateway(access, clean=False)
    open_clients(second)
    assert second.connect(access.host, access.port)
    assert second.hears(topic, b"meanwhile")
    second.disconnect()
    # Leave no session behind for the other tests.
    assert gateway(access).connect(access.host, access.port)


def test_will_is_published_when_a_mote_is_cut_off(site, hub, open_clients):
    client = with_certificate(site.authority.issue("kitchen"), site.ca, site.folder, "kitchen")
    at(client.will("mote/kitchen/state", b"gone"), site.broker.trusted).drop()
    assert hub["mote"].hears("mote/kitchen/state", b"gone")


# Who does not get in


def test_tls_without_a_client_certificate_is_refused(site, open_clients):
    client = open_clients(Client("kitchen").tls(site.ca))
    assert not client.connect(site.broker.trusted.host, site.broker.trusted.port)


def test_certificate_of_another_authority_is_refused(site, open_clients):
    client = with_certificate(Authority.create().issue("kitchen"), site.ca, site.folder, "kitchen")
    open_clients(client)
    assert not client.connect(site.broker.trusted.host, site.broker.trusted.port)


def test_server_certificate_is_no_client_certificate(site, open_clients):
    credential = site.authority.issue("kitchen", ["kitchen"], server=True)
    client = open_clients(with_certificate(credential, site.ca, site.folder, "kitchen"))
    assert not client.connect(site.broker.trusted.host, site.broker.trusted.port)


def test_plain_tcp_on_the_tls_listener_is_refused(site, open_clients):
    client = open_clients(Client("kitchen", username="kitchen", password="x"))
    assert not client.connect(site.broker.trusted.host, site.broker.trusted.port)


@pytest.mark.parametrize(
    "username", ["cellar", "attic", "kitchen", "gateway.clear", "gateway.home", "nobody", "CN=kitchen"]
)
def test_wrong_password_is_refused(site, open_clients, username):
    client = open_clients(Client(username, username=username, password="1.0.wrong"))
    assert not client.connect(site.broker.clear.host, site.broker.clear.port)


def test_another_motes_password_is_refused(site, open_clients):
    password = site.fleet.motes["attic"].static_password(site.fleet.id)
    client = open_clients(Client("cellar", username="cellar", password=password))
    assert not client.connect(site.broker.clear.host, site.broker.clear.port)


@pytest.mark.parametrize(
    "login", [{}, {"username": "cellar"}, {"username": "", "password": ""}], ids=["none", "no-password", "empty"]
)
def test_anonymous_is_refused(site, open_clients, login):
    client = open_clients(Client("cellar", **login))
    assert not client.connect(site.broker.clear.host, site.broker.clear.port)


def test_gateways_password_does_not_open_the_clear_listener(site, open_clients):
    for access in site.broker.gateway:
        client = open_clients(Client(access.client_id, username="gateway.clear", password=access.password or "x"))
        assert not client.connect(site.broker.clear.host, site.broker.clear.port)


def test_websocket_inlet_needs_a_certificate_and_the_password(site, open_clients, mote):
    if not site.nats:
        pytest.skip("Mosquitto has no such inlet")
    access = site.broker.gateway[1]
    bare = Client(access.client_id, username=access.username, password=access.password, transport="websockets")
    assert not open_clients(bare.tls(access.ca_file)).connect(access.host, access.port)
    for username, password in (
        (access.username, "wrong"),
        ("cellar", site.fleet.motes["cellar"].static_password(site.fleet.id)),
    ):
        other = with_certificate(
            site.authority.issue("kitchen"), site.ca, site.folder, "x",
            username=username, password=password, transport="websockets",
        )  # fmt: skip
        assert not open_clients(other).connect(access.host, access.port)


def native_port(site, log: str) -> int:
    text = (site.folder / "broker" / log).read_text()
    return int(re.search(r"Listening for client connections on [\d.]+:(\d+)", text)[1])


def native_greeting(file, user: str, password: str) -> bytes:
    """What a NATS server answers to somebody who comes by its own protocol."""
    file.write(f'CONNECT {{"user":"{user}","pass":"{password}","verbose":true}}\r\nPING\r\n'.encode())
    file.flush()
    return file.readline()


def native_users(site) -> list[tuple[str, str]]:
    users = [("CN=kitchen", ""), ("CN=gateway.home", ""), ("", ""), ("gateway.clear", site.broker.gateway[1].password)]
    return [*users, ("cellar", site.fleet.motes["cellar"].static_password(site.fleet.id))]


def test_native_protocol_of_the_trusted_process_is_closed_to_every_user(site):
    if not site.nats:
        pytest.skip("NATS only")
    for user, password in native_users(site):
        with socket.create_connection(("127.0.0.1", native_port(site, "trusted.log")), timeout=5) as link:
            file = link.makefile("rwb")
            assert file.readline().startswith(b"INFO ")
            assert b"Authorization Violation" in native_greeting(file, user, password)


def test_native_protocol_of_the_clear_process_is_the_authenticators_alone(site):
    """It takes TLS with a certificate, and even then no user but the authenticator's two."""
    if not site.nats:
        pytest.skip("NATS only")
    port = native_port(site, "clear.log")
    with socket.create_connection(("127.0.0.1", port), timeout=5) as link:
        file = link.makefile("rwb")
        assert b'"tls_required":true' in file.readline()
        assert b"Authorization Violation" in native_greeting(file, "cellar", "x") or file.readline() == b""
    access = site.broker.gateway[1]
    asked = site.broker.authenticators
    for user, password, answer in [
        *((*login, b"Authorization Violation") for login in native_users(site)),
        (asked.user, "wrong", b"Authorization Violation"),
        (asked.user, asked.password, b"+OK"),
        (asked.system_user, asked.system_password, b"+OK"),
    ]:
        context = ssl.create_default_context(cafile=str(access.ca_file))
        context.load_cert_chain(access.cert_file, access.key_file)
        with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
            assert plain.recv(4096).startswith(b"INFO ")
            with context.wrap_socket(plain, server_hostname="localhost") as link:
                assert answer in native_greeting(link.makefile("rwb"), user, password), user
    bare = ssl.create_default_context(cafile=str(access.ca_file))
    greeting = b""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as plain, contextlib.suppress(OSError):
        plain.recv(4096)
        with bare.wrap_socket(plain, server_hostname="localhost") as link:
            greeting = native_greeting(link.makefile("rwb"), asked.user, asked.password)
    assert b"+OK" not in greeting


# What those who get in may not do


@pytest.mark.parametrize(
    "topic",
    [
        "mote/pantry/up",
        "mote/pantry/state",
        "mote/pantry/ack",
        "mote/cellar/up",
        "sealed/cellar/up",
        "sealed/kitchen/up",
    ],
)
def test_tls_mote_cannot_speak_for_another(hub, mote, topic):
    kitchen = mote("kitchen")
    kitchen.publish(topic, b"forged")
    kitchen.publish(topic, b"forged", qos=0)
    kitchen.publish(topic, b"forged", retain=True)
    kitchen.publish("mote/kitchen/up", b"after " + topic.encode())
    assert hub["mote"].hears("mote/kitchen/up", b"after " + topic.encode())
    assert nothing_but(hub["mote"], "mote/kitchen/up")
    assert nothing_but(hub["sealed"])


@pytest.mark.parametrize(
    "topic", ["sealed/attic/up", "sealed/attic/state", "mote/cellar/up", "mote/cellar/state", "mote/kitchen/up"]
)
def test_sealed_mote_cannot_speak_for_another_nor_under_mote(hub, mote, topic):
    cellar = mote("cellar")
    cellar.publish(topic, b"forged")
    cellar.publish(topic, b"forged", qos=0)
    cellar.publish("sealed/cellar/up", b"after " + topic.encode())
    assert hub["sealed"].hears("sealed/cellar/up", b"after " + topic.encode())
    assert nothing_but(hub["sealed"], "sealed/cellar/up")
    assert nothing_but(hub["mote"])


def test_mote_cannot_command_a_mote(hub, mote):
    victims = {"mote/kitchen/down": mote("kitchen"), "sealed/attic/down": mote("attic")}
    for topic, victim in victims.items():
        assert victim.subscribe(topic)
    for name in ("pantry", "cellar"):
        attacker = mote(name)
        for topic in victims:
            attacker.publish(topic, b"forged")
    own = mote("pantry")
    own.publish("mote/pantry/down", b"forged")
    hub["mote"].publish("mote/kitchen/down", b"true")
    hub["sealed"].publish("sealed/attic/down", b"true")
    for topic, victim in victims.items():
        assert victim.hears(topic, b"true")
        clients.settle()
        assert [message[1] for message in victim.messages] == [b"true"]


EAVESDROP = [
    "#", "+/+/+", "mote/#", "mote/+/+", "mote/+/up", "mote/+/down", "mote/pantry/down", "mote/kitchen/up",
    "sealed/#", "sealed/+/+", "sealed/+/up", "sealed/attic/down", "$MQTT/#", "$MQTT/sub/#", "$MQTT/sub/+",
    "$SYS/#", "$JS/#",
]  # fmt: skip


@pytest.mark.parametrize("name", ["kitchen", "cellar"])
def test_mote_cannot_listen_to_others(hub, mote, name):
    spy = mote(name)
    for topic in EAVESDROP:
        for qos in (0, 1):
            spy.subscribe(topic, qos)
    pantry, attic = mote("pantry"), mote("attic")
    assert pantry.subscribe("mote/pantry/down")
    assert attic.subscribe("sealed/attic/down")
    pantry.publish("mote/pantry/up", b"private")
    attic.publish("sealed/attic/up", b"private")
    hub["mote"].publish("mote/pantry/down", b"private")
    hub["sealed"].publish("sealed/attic/down", b"private")
    assert hub["mote"].hears("mote/pantry/up", b"private")
    assert hub["sealed"].hears("sealed/attic/up", b"private")
    assert pantry.hears("mote/pantry/down", b"private")
    assert attic.hears("sealed/attic/down", b"private")
    clients.settle()
    assert [message for message in spy.messages if message[1]] == []


def test_nats_says_that_a_subscription_is_refused(site, mote):
    if not site.nats:
        pytest.skip("Mosquitto grants every subscription and delivers nothing")
    for name in ("kitchen", "cellar"):
        assert not mote(name).subscribe("mote/pantry/down")
        assert not mote(name).subscribe("#")


@pytest.mark.parametrize("username", [None, "pantry", "CN=pantry", "gateway.home", "CN=gateway.home"])
def test_certificate_decides_who_a_client_is(site, hub, open_clients, username):
    """A mote's certificate with another's client id and user name has the rights of the certificate, or none."""
    credential = site.authority.issue("kitchen")
    client = open_clients(with_certificate(credential, site.ca, site.folder, "pantry", username=username))
    if client.connect(site.broker.trusted.host, site.broker.trusted.port):
        client.publish("mote/pantry/up", b"forged")
        client.publish("mote/pantry/down", b"forged")
        client.publish("mote/kitchen/up", b"as myself")
        assert hub["mote"].hears("mote/kitchen/up", b"as myself")
        client.subscribe("mote/pantry/down")
        client.subscribe("mote/pantry/up")
        hub["mote"].publish("mote/pantry/down", b"secret")
    assert nothing_but(hub["mote"], "mote/kitchen/up")
    assert client.messages == []


def test_certificate_that_the_fleet_does_not_know_can_do_nothing(site, hub, open_clients):
    client = open_clients(with_certificate(site.authority.issue("stranger"), site.ca, site.folder, "stranger"))
    if client.connect(site.broker.trusted.host, site.broker.trusted.port):
        client.publish("mote/stranger/up", b"hello")
        client.subscribe("mote/stranger/down")
        hub["mote"].publish("mote/stranger/down", b"secret")
        assert nothing_but(hub["mote"])
        assert client.messages == []


def test_will_for_another_mote_is_not_published(site, hub, mote):
    client = with_certificate(site.authority.issue("kitchen"), site.ca, site.folder, "kitchen")
    client.will("mote/pantry/state", b"forged")
    if client.connect(site.broker.trusted.host, site.broker.trusted.port):
        client.drop()
    client.disconnect()
    mote("kitchen").publish("mote/kitchen/up", b"after")
    assert hub["mote"].hears("mote/kitchen/up", b"after")
    assert nothing_but(hub["mote"], "mote/kitchen/up")


def test_oversize_message_is_not_delivered(hub, mote):
    for name, prefix in (("kitchen", "mote"), ("cellar", "sealed")):
        client = mote(name)
        client.publish(f"{prefix}/{name}/up", bytes(20_000))
        clients.settle()
        mote(name).publish(f"{prefix}/{name}/up", b"after")
        assert hub[prefix].hears(f"{prefix}/{name}/up", b"after")
        assert all(len(message[1]) < 20_000 for message in hub[prefix].messages)


def test_client_id_of_another_gives_nothing_and_takes_nothing(site, hub, mote, open_clients):
    """Mosquitto takes the user name for the client id. For NATS the authenticator refuses any other."""
    attic = mote("attic")
    assert attic.subscribe("sealed/attic/down")
    password = site.fleet.motes["cellar"].static_password(site.fleet.id)
    thief = open_clients(Client("attic", username="cellar", password=password, clean=False))
    assert thief.connect(site.broker.clear.host, site.broker.clear.port) is not site.nats
    hub["sealed"].publish("sealed/attic/down", b"secret")
    assert attic.hears("sealed/attic/down", b"secret")
    if thief.connected:
        thief.publish("sealed/attic/up", b"forged")
        thief.publish("sealed/cellar/up", b"as myself")
        assert hub["sealed"].hears("sealed/cellar/up", b"as myself")
    assert nothing_but(hub["sealed"], "sealed/cellar/up")
    assert thief.messages == []
    assert attic.connected


def test_gateways_session_cannot_be_taken_by_a_known_name(site, hub, mote, open_clients):
    password = site.fleet.motes["cellar"].static_password(site.fleet.id)
    for name in ("gateway", "gateway-clear", "gateway-home"):
        thief = open_clients(Client(name, username="cellar", password=password))
        thief.connect(site.broker.clear.host, site.broker.clear.port)
        mote("kitchen", client_id=name)
    clients.settle()
    assert hub["mote"].connected
    assert hub["sealed"].connected


@pytest.mark.parametrize("channel", ["tls-psk", "tls-psk+sealed"])
def test_nats_says_in_one_line_that_it_has_no_psk(tmp_path, channel):
    fleet = make_fleet()
    fleet.motes["kitchen"].channel = channel
    with pytest.raises(BrokerError, match=r"kitchen speaks tls-psk.*, and NATS has no TLS with pre-shared keys"):
        NatsBroker(fleet, Authority.create(), tmp_path / "broker")


@pytest.mark.parametrize("kind", BROKERS, ids=["nats", "mosquitto"])
def test_mote_that_seals_inside_tls_is_heard_and_cannot_speak_openly(kind, tmp_path, open_clients):
    fleet, authority = make_fleet(), Authority.create()
    fleet.motes["kitchen"].channel = "tls+sealed"
    broker = kind(fleet, authority, tmp_path / "broker")
    broker.start()
    try:
        heard = {}
        for access in broker.gateway:
            heard[access.zone, access.prefix] = client = open_clients(gateway(access))
            assert client.connect(access.host, access.port)
            assert client.subscribe(f"{access.prefix}/+/up")
        mote = with_certificate(authority.issue("kitchen"), broker.gateway[0].ca_file, tmp_path, "kitchen")
        open_clients(at(mote, broker.trusted))
        mote.publish("mote/kitchen/up", b"open")
        mote.publish("sealed/kitchen/up", b"sealed")
        zone = "home" if ("home", "sealed") in heard else "clear"  # Mosquitto is one broker for both
        assert heard[zone, "sealed"].hears("sealed/kitchen/up", b"sealed")
        assert nothing_but(heard["home", "mote"])
    finally:
        broker.stop()


# The files and the processes


def test_private_keys_and_configurations_are_their_owners_alone(site):
    # Not all that is below: what JetStream stores comes and goes.
    for path in [*(site.folder / "broker").iterdir(), *(site.folder / "broker" / "tls").iterdir()]:
        if path.suffix in {".key", ".conf", ".acl", ".passwords", ".pem", ".toml", ".json", ".db"}:
            assert path.stat().st_mode & 0o077 == 0, path
    assert (site.folder / "broker").stat().st_mode & 0o077 == 0


def test_configurations_hold_no_password(site):
    secrets = [site.fleet.motes[name].static_password(site.fleet.id) for name in ("cellar", "attic")]
    secrets += [access.password for access in site.broker.gateway if access.password]
    for path in (site.folder / "broker").iterdir():
        if path.is_file():
            text = path.read_text(errors="replace")
            assert not any(secret in text for secret in secrets), path


def test_broker_certificate_is_for_its_name(site):
    context = ssl.create_default_context(cafile=str(site.ca))
    access = site.broker.gateway[0]
    context.load_cert_chain(access.cert_file, access.key_file)
    endpoint = site.broker.trusted
    for name in ("localhost", "127.0.0.1"):
        with (
            socket.create_connection((endpoint.host, endpoint.port)) as link,
            context.wrap_socket(link, server_hostname=name),
        ):
            pass
    with socket.create_connection((endpoint.host, endpoint.port)) as link, pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(link, server_hostname="broker.example")


@pytest.mark.parametrize("kind", BROKERS, ids=["nats", "mosquitto"])
def test_port_in_use_is_said_in_one_line(kind, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(BrokerError, match=f"port {port} is in use") as caught:
            kind(make_fleet(), Authority.create(), tmp_path / "broker", clear_port=port)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", BROKERS, ids=["nats", "mosquitto"])
def test_port_taken_before_the_next_start_leaves_nothing_running(kind, tmp_path):
    broker = kind(make_fleet(), Authority.create(), tmp_path / "broker")
    broker.start()
    broker.stop()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", broker.clear.port))
        taken.listen()
        with pytest.raises(BrokerError, match="in use"):
            broker.start()
    assert not broker.alive
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((broker.trusted.host, broker.trusted.port), timeout=1)


def test_port_that_was_chosen_is_nobody_elses_though_its_broker_is_not_started(monkeypatch):
    monkeypatch.setattr(process, "_PORTS", range(31_000, 31_040))
    monkeypatch.setattr(process, "_held", {})
    chosen = [process.choose_port() for _ in range(10)]
    try:
        assert len(set(chosen)) == len(chosen)
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", chosen[0]))
    finally:
        process._release(chosen)


@pytest.mark.parametrize("kind", BROKERS, ids=["nats", "mosquitto"])
def test_folder_may_be_called_what_people_call_theirs(kind, tmp_path, open_clients):
    fleet, authority = make_fleet(), Authority.create()
    broker = kind(fleet, authority, tmp_path / "Café Küche 家 🏠" / "broker")
    broker.start()
    try:
        for access in broker.gateway:
            assert open_clients(gateway(access)).connect(access.host, access.port)
        password = fleet.motes["cellar"].static_password(fleet.id)
        at(open_clients(Client("cellar", username="cellar", password=password)), broker.clear)
    finally:
        broker.stop()
