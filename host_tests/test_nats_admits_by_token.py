"""NATS asks real authenticator processes about real CONNECTs: what is refused, and that it fails closed."""

import contextlib
import json
import os
import re
import signal
import socket
import sqlite3
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import clients
import pytest
from clients import Client, gateway, with_certificate
from ironmote.authenticator import nkey
from ironmote.brokers.nats import NatsBroker
from ironmote.certificates import Authority
from ironmote.fleet import CLEAR, Fleet
from mote import keys

WAIT_S = 15.0


class Site:
    """A fleet with sealed motes, its NATS, and CONNECTs of every kind."""

    def __init__(self, folder: Path, authenticators: int = 1) -> None:
        self.folder = folder
        self.fleet = Fleet.create()
        for name in ("cellar", "attic"):
            self.add(name)
        self.fleet.add("kitchen", "esp32").channel = "tls"
        self.authority = Authority.create()
        self.broker = NatsBroker(self.fleet, self.authority, folder, authenticators=authenticators)
        self.ends = contextlib.ExitStack()
        self.counter = 0

    def add(self, name: str) -> None:
        mote = self.fleet.add(name, "esp8266")
        mote.channel, mote.zone = "sealed", CLEAR

    def token(self, mote: str, counter: int, zone: str = CLEAR) -> str:
        password: str = keys.connect_password(self.fleet.motes[mote].connect_key(self.fleet.id), mote, zone, counter)
        return password

    def fresh(self, mote: str) -> str:
        self.counter += 1
        return self.token(mote, keys.connect_counter(1, self.counter))

    def client(self, mote: str, password: str, client_id: str | None = None, **options) -> Client:
        client = Client(mote if client_id is None else client_id, username=mote, password=password, **options)
        self.ends.callback(client.disconnect)
        return client

    def admits(self, mote: str, password: str, **options) -> bool:
        return self.client(mote, password, **options).connect(self.broker.clear.host, self.broker.clear.port)

    def enter(self, mote: str) -> Client:
        client = self.client(mote, self.fresh(mote))
        assert client.connect(self.broker.clear.host, self.broker.clear.port)
        return client

    def hub(self) -> Client:
        access = self.broker.gateway[1]
        client = gateway(access)
        self.ends.callback(client.disconnect)
        assert client.connect(access.host, access.port)
        for leaf in ("up", "ack", "state"):
            assert client.subscribe(f"sealed/+/{leaf}")
        return client


@pytest.fixture
def start(tmp_path: Path):
    with contextlib.ExitStack() as stack:

        def start(authenticators: int = 1) -> Site:
            site = Site(tmp_path / "broker", authenticators)
            stack.callback(site.broker.stop)
            stack.callback(site.ends.close)
            site.broker.start()
            return site

        yield start


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("site") / "broker")
    site.broker.start()
    yield site
    site.ends.close()
    site.broker.stop()


@pytest.fixture
def site(shared: Site):
    yield shared
    shared.ends.close()


def eventually(condition) -> bool:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


# Who is let in


def test_mote_with_a_fresh_token_does_what_it_may_and_nothing_else(site: Site):
    hub = site.hub()
    cellar, attic = site.enter("cellar"), site.enter("attic")
    assert cellar.subscribe("sealed/cellar/down")
    assert attic.subscribe("sealed/attic/down")
    for topic in ("#", "sealed/attic/down", "sealed/attic/up", "sealed/+/up", "mote/#", "$SYS/#", "$MQTT/#", "+/+/+"):
        assert not cellar.subscribe(topic), topic
    for topic in ("sealed/attic/up", "sealed/attic/down", "mote/cellar/up", "mote/kitchen/state"):
        cellar.publish(topic, b"forged")
    cellar.publish("$SYS/REQ/USER/AUTH", b"forged")
    cellar.publish("sealed/cellar/up", b"mine")
    assert hub.hears("sealed/cellar/up", b"mine")
    hub.publish("sealed/cellar/down", b"order")
    assert cellar.hears("sealed/cellar/down", b"order")
    clients.settle()
    assert {topic for topic, _, _ in hub.messages} == {"sealed/cellar/up"}
    assert attic.messages == []


def test_used_token_is_refused_and_the_session_it_opened_goes_on(site: Site):
    password = site.fresh("cellar")
    mote = site.client("cellar", password)
    assert mote.connect(site.broker.clear.host, site.broker.clear.port)
    for _ in range(3):
        assert not site.admits("cellar", password)
    assert mote.connected
    mote.disconnect()
    assert not site.admits("cellar", password)


def test_lower_counter_is_refused(site: Site):
    lower = site.fresh("cellar")
    assert site.admits("cellar", site.fresh("cellar"))
    assert not site.admits("cellar", lower)
    assert site.admits("cellar", site.fresh("cellar"))


def test_token_of_another_mote_is_refused(site: Site):
    token = site.fresh("attic")
    assert not site.admits("cellar", token)
    assert site.admits("attic", token), "it was not used up by the wrong one"


def test_token_for_another_zone_is_refused(site: Site):
    site.counter += 1
    assert not site.admits("cellar", site.token("cellar", keys.connect_counter(1, site.counter), "home"))


def test_counter_zero_is_refused(site: Site):
    assert not site.admits("cellar", site.token("cellar", 0))


def test_forged_mac_is_refused(site: Site):
    token = site.fresh("cellar")
    forged = token[:-4] + ("AAAA" if not token.endswith("AAAA") else "BBBB")
    assert not site.admits("cellar", forged)
    assert site.admits("cellar", token)


@pytest.mark.parametrize("password", ["", "x", "1.1.", "\x00", "é" * 100, "1.9." + "A" * 43, "A" * 60_000])
def test_what_is_no_token_is_refused(site: Site, password: str):
    assert not site.admits("cellar", password)
    assert site.admits("cellar", site.fresh("cellar"))


@pytest.mark.parametrize("name", ["kitchen", "nobody", "CELLAR", "", "gateway.clear", "authenticator.callout"])
def test_names_that_are_not_on_the_roster_are_refused(site: Site, name: str):
    password: str = keys.connect_password(b"\x01" * 32, name, CLEAR, 1 << 33)
    assert not site.admits(name, password)


def test_token_with_another_client_id_is_refused_and_evicts_nobody(site: Site):
    attic = site.enter("attic")
    assert not site.admits("cellar", site.fresh("cellar"), client_id="attic")
    assert attic.connected


def test_token_does_not_open_the_gateways_inlet_to_who_has_no_certificate(site: Site):
    access = site.broker.gateway[1]
    bare = site.client("cellar", site.fresh("cellar"), transport="websockets").tls(access.ca_file)
    assert not bare.connect(access.host, access.port)


def test_token_gives_the_motes_own_rights_at_the_gateways_inlet_too(site: Site):
    """NATS does not say in its question by which MQTT door one comes, nor holds us to the door in our answer."""
    access = site.broker.gateway[1]
    visitor = with_certificate(
        site.authority.issue("kitchen"), access.ca_file, site.folder, "cellar",
        username="cellar", password=site.fresh("cellar"), transport="websockets",
    )  # fmt: skip
    site.ends.callback(visitor.disconnect)
    hub = site.hub()
    if visitor.connect(access.host, access.port):
        assert not visitor.subscribe("sealed/+/up")
        visitor.publish("sealed/attic/up", b"forged")
        visitor.publish("sealed/cellar/up", b"mine")
        assert hub.hears("sealed/cellar/up", b"mine")
        assert {topic for topic, _, _ in hub.messages} == {"sealed/cellar/up"}


def test_token_is_worth_nothing_in_natss_own_protocol_and_is_not_used_up_by_it(site: Site):
    access, token = site.broker.gateway[1], site.fresh("cellar")
    context = ssl.create_default_context(cafile=str(access.ca_file))
    context.load_cert_chain(access.cert_file, access.key_file)
    port = int(re.search(r"client connections on [\d.]+:(\d+)", (site.folder / "clear.log").read_text())[1])
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as plain:
        assert plain.recv(4096).startswith(b"INFO ")
        with context.wrap_socket(plain, server_hostname="localhost") as link:
            link.sendall(f'CONNECT {{"user":"cellar","pass":"{token}","verbose":true}}\r\nPING\r\n'.encode())
            assert b"Authorization Violation" in link.recv(4096)
    assert site.admits("cellar", token)


def test_will_for_another_mote_is_not_published(site: Site):
    hub = site.hub()
    site.client("cellar", site.fresh("cellar")).will("sealed/attic/state", b"forged")
    thief = site.client("cellar", site.fresh("cellar")).will("sealed/attic/state", b"forged")
    if thief.connect(site.broker.clear.host, site.broker.clear.port):
        thief.drop()
    site.enter("attic").publish("sealed/attic/up", b"after")
    assert hub.hears("sealed/attic/up", b"after")
    assert {topic for topic, _, _ in hub.messages} == {"sealed/attic/up"}


# Several authenticators, and none


def test_of_two_authenticators_exactly_one_accepts_a_token(start):
    """Each token is shown four times at once; a queue group gives each question to one of the two."""
    site = start(authenticators=2)
    # A mote each round: NATS keeps a client id that is fought over waiting for a second.
    names = [f"mote-{number}" for number in range(12)]
    for name in names:
        site.add(name)
    site.broker.admit(site.fleet)
    for name in names:
        password = site.fresh(name)
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _, n=name, p=password: site.admits(n, p), range(4)))
        assert sorted(answers) == [False, False, False, True]
    logs = [(site.folder / f"authenticator{number}.log").read_text() for number in ("", "-2")]
    assert all("refused" in log or "admitted" in log for log in logs)
    assert sum(log.count("admitted mote-") for log in logs) == len(names)


def test_used_token_is_refused_after_the_authenticator_was_started_again(start):
    site = start()
    password = site.fresh("cellar")
    assert site.admits("cellar", password)
    (process,) = site.broker.authenticators.processes
    process.stop()
    process.start()
    assert not site.admits("cellar", password)
    assert site.admits("cellar", site.fresh("cellar"))


def test_nobody_is_let_in_while_the_authenticator_is_away(start):
    site = start()
    hub = site.hub()
    before = site.enter("attic")
    (process,) = site.broker.authenticators.processes
    process.stop()
    password = site.fresh("cellar")
    assert not site.admits("cellar", password)
    assert before.connected
    before.publish("sealed/attic/up", b"still here")
    assert hub.hears("sealed/attic/up", b"still here")
    process.start()
    assert site.admits("cellar", password), "nobody had used it"


def test_nobody_is_let_in_while_the_authenticator_hangs(start):
    site = start()
    (process,) = site.broker.authenticators.processes
    os.kill(process.pid, signal.SIGSTOP)
    try:
        assert not site.admits("cellar", site.fresh("cellar"))
    finally:
        os.kill(process.pid, signal.SIGCONT)
    assert eventually(lambda: site.admits("cellar", site.fresh("cellar")))


def test_nobody_is_let_in_while_the_counters_cannot_be_written(start):
    site = start()
    holder = sqlite3.connect(site.folder / "authenticator.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    password = site.fresh("cellar")
    assert not site.admits("cellar", password)
    holder.execute("COMMIT")
    holder.close()
    assert site.admits("cellar", password)


def test_authenticator_finds_its_way_back_to_a_server_that_was_started_again(start):
    site = start()
    password = site.fresh("cellar")
    assert site.admits("cellar", password)
    server = next(each for each in site.broker.processes if each.name.endswith("(zone clear)"))
    server.stop()
    server.start()
    assert eventually(lambda: site.admits("cellar", site.fresh("cellar")))
    assert not site.admits("cellar", password)


# Adding and revoking


def test_added_mote_is_let_in_at_once_and_a_revoked_one_is_put_out(start):
    site = start()
    hub = site.hub()
    attic, cellar = site.enter("attic"), site.enter("cellar")
    site.add("porch")
    assert not site.admits("porch", site.fresh("porch"))
    site.broker.admit(site.fleet)
    assert site.admits("porch", site.fresh("porch"))

    revoked = site.fresh("cellar")
    gone = site.fleet.motes.pop("cellar")
    site.broker.admit(site.fleet)
    assert not site.admits("cellar", revoked)
    assert eventually(lambda: not cellar.connected)
    assert attic.connected
    assert hub.connected
    hub.publish("sealed/attic/down", b"x")

    site.fleet.motes["cellar"] = gone
    site.broker.admit(site.fleet)
    assert site.admits("cellar", revoked), "never used, and its mote is back"
    assert not site.admits("cellar", revoked)


def test_mote_that_was_revoked_while_no_authenticator_ran_is_put_out_when_one_starts(start):
    site = start()
    cellar, attic = site.enter("cellar"), site.enter("attic")
    (process,) = site.broker.authenticators.processes
    process.stop()
    site.fleet.motes.pop("cellar")
    site.broker.admit(site.fleet)
    process.start()
    assert eventually(lambda: not cellar.connected)
    assert attic.connected


def test_mote_whose_root_was_replaced_is_put_out_and_comes_back_with_the_new_one(start):
    site = start()
    thief = site.enter("cellar")
    stolen = site.fresh("cellar")
    site.fleet.motes["cellar"].root = os.urandom(32)
    site.fleet.motes["cellar"].generation += 1
    site.broker.admit(site.fleet)
    assert eventually(lambda: not thief.connected)
    assert not site.admits("cellar", stolen)
    assert site.admits("cellar", site.token("cellar", keys.connect_counter(1, 1)))


# What an authenticator is given


def test_authenticator_is_given_connect_keys_and_nothing_else_of_the_fleet(site: Site):
    mote = site.fleet.motes["cellar"]
    given = [site.folder / "roster.json", site.folder / "authenticator.toml"]
    text = "".join(path.read_text() for path in given)
    assert mote.connect_key(site.fleet.id).hex() in text
    for secret in (mote.root, mote.seal_key(site.fleet.id)):
        for path in [*site.folder.iterdir(), *(site.folder / "tls").iterdir()]:
            if path.is_file():
                content = path.read_bytes()
                assert secret not in content, path
                assert secret.hex().encode() not in content, path
    for path in given:
        assert path.stat().st_mode & 0o077 == 0, path
    assert "kitchen" not in (site.folder / "roster.json").read_text()


def test_log_and_servers_configuration_hold_no_secret(site: Site):
    password = site.fresh("cellar")
    assert site.admits("cellar", password)
    assert not site.admits("cellar", password)
    settings = (site.folder / "authenticator.toml").read_text()
    asked = site.broker.authenticators
    seed = next(line for line in settings.splitlines() if line.startswith("issuer")).split('"')[1]
    for name in ("authenticator.log", "clear.log", "clear.conf"):
        text = (site.folder / name).read_text()
        for secret in (password, password.split(".")[2], asked.password, asked.system_password, seed):
            assert secret not in text, name


# Requests that no server made


def request(site: Site, signer: nkey.KeyPair, **changes) -> bytes:
    """A question as a NATS server asks it, signed with `signer`."""
    asked = {
        "server_id": {"id": signer.public, "name": "forged"},
        "user_nkey": nkey.KeyPair.generate(nkey.USER).public,
        "client_info": {"type": "mqtt", "mqtt_id": "cellar"},
        "connect_opts": {"user": "cellar", "pass": site.fresh("cellar")},
        "type": "authorization_request",
        "version": 2,
    }
    claims = {"aud": "nats-authorization-request", "sub": "x", "nats": asked}
    return signer.sign_jwt({**claims, **changes}).encode()


def test_only_a_servers_well_formed_question_is_answered(site: Site):
    from ironmote.authenticator.callout import CalloutError, parse

    server = nkey.KeyPair.generate(nkey.SERVER)
    good = request(site, server)
    assert parse(good).username == "cellar"
    head, body, signature = good.split(b".")
    other = request(site, nkey.KeyPair.generate(nkey.SERVER)).split(b".")
    bad = [
        b"", b"x", b"a.b.c", b"\xff" * 100, good[:-2], head + b"." + body + b".", body + b"." + body + b"." + signature,
        head + b"." + other[1] + b"." + signature, head + b"." + body + b"." + other[2], good + b"." + signature,
        b"A" * 1_000_000,
        request(site, nkey.KeyPair.generate(nkey.ACCOUNT)),
        request(site, server, aud="something else"),
        request(site, server, nats={"type": "authorization_request"}),
        request(site, server, nats=None),
        json.dumps({"aud": "nats-authorization-request"}).encode(),
    ]  # fmt: skip
    for data in bad:
        with pytest.raises(CalloutError):
            parse(data)


def test_keys_have_the_form_that_nats_reads():
    """The server took our answers above; its own key is read back here, and seeds survive their text."""
    pair = nkey.KeyPair.generate(nkey.ACCOUNT)
    assert pair.public.startswith("A")
    assert pair.seed.startswith("SA")
    assert nkey.KeyPair.from_seed(pair.seed).public == pair.public
    # Of the last letter a part is no bit of the key: the one before is changed.
    other = pair.seed[:-2] + ("A" if pair.seed[-2] != "A" else "B") + pair.seed[-1]
    for text in ("", "SA", pair.public, pair.seed[:-1], other, "é"):
        with pytest.raises(nkey.NkeyError):
            nkey.KeyPair.from_seed(text)
    with pytest.raises(nkey.NkeyError):
        nkey.public_key(pair.public, nkey.SERVER)
    # The pair of NATS's own documentation of NKeys (a user).
    seed = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"
    public = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"
    assert nkey.KeyPair.from_seed(seed).public == public
