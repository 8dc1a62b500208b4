"""Three NATS servers a zone as one broker: sessions and counters go on where a node dies, and no stranger joins.

That each node holds everybody to their rights takes longer: `make prove`.
"""

import os
import signal
import socket
import ssl
import time

import clients
import clusters
import fleets
import pytest
from clients import Client
from ironmote.brokers.written import Written
from ironmote.fleet import CLEAR
from ironmote.fleet_folder import Folder
from ironmote.gateway.zone import Zone
from mote import keys

HERE = clusters.HERE


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    root = clusters.make(tmp_path_factory.mktemp("cluster") / "fleet")
    with clusters.running(root):
        yield root


def nodes(site):
    return Written.read(Folder.open(site)).place.nodes


def certified(site, name: str, **options) -> Client:
    with Folder.open(site).unlock(fleets.passphrase) as held:
        credential = held.certificates.get(name)
        held.save()
    return clients.with_certificate(credential, site / "brokers/nats/tls/ca.pem", site.parent, name, **options)


def admits(site, node: int, counter: int) -> bool:
    """True where that node, from 0, lets cellar in by the token with this counter."""
    with Folder.open(site).unlock(fleets.passphrase) as held:
        mote = held.fleet.motes["cellar"]
        number = keys.connect_counter(1, counter)
        password = keys.connect_password(mote.connect_key(held.fleet.id), "cellar", CLEAR, number)
    client = Client("cellar", username="cellar", password=password)
    let_in = client.connect(HERE, nodes(site)[node].clear)
    client.disconnect()
    return let_in


def test_token_that_one_node_took_is_taken_by_no_other(site):
    assert admits(site, 0, 5)
    assert not admits(site, 1, 5)
    assert admits(site, 2, 6)


def test_node_without_the_nodes_key_is_not_let_in(site):
    """A certificate of the fleet's authority is not enough: motes have one."""
    with Folder.open(site).unlock(fleets.passphrase) as held:
        mote = held.certificates.get("kitchen")
        held.save()
    own = site.parent / "kitchen.pem", site.parent / "kitchen.key"
    for path, content in zip(own, (mote.cert_pem, mote.key_pem), strict=True):
        path.write_bytes(content)
    tls = site / "brokers/nats/tls"
    for port in (nodes(site)[0].trusted_route, nodes(site)[0].clear_route):
        assert says(tls, port, (tls / "route.home.pem", tls / "route.home.key")).startswith(b"INFO")
        assert says(tls, port, own) == b""


def says(tls, port: int, certificate) -> bytes:
    """What a server tells another that comes in with this certificate; nothing where it does not talk to it."""
    context = ssl.create_default_context(cafile=tls / "ca.pem")
    context.load_cert_chain(*certificate)
    try:
        with socket.create_connection((HERE, port), 10) as sock, context.wrap_socket(sock, server_hostname=HERE) as end:
            return end.recv(100)
    except (ssl.SSLError, ConnectionResetError):
        return b""


def kill(site, number: int) -> None:
    """End both servers of the node with that number, from 1, as a power cut would."""
    for name in ("trusted.pid", "clear.pid"):
        os.kill(int((site / f"brokers/nats/node-{number}" / name).read_text()), signal.SIGKILL)


def until(condition) -> bool:
    """True once it holds; False where it does not for a minute."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False


def says_it(site, port: int, name: str, topic: str, payload: bytes) -> bool:
    """Come in and publish; True where that was acknowledged. What is not is to be said again, as motes do."""
    client = certified(site, name)
    try:
        return client.connect(HERE, port) and client.publish_and_wait(topic, payload)
    finally:
        client.disconnect()


def test_session_goes_on_at_another_node_where_one_dies(site):
    first, second, third = (node.trusted for node in nodes(site))
    mote = certified(site, "kitchen", clean=False)
    heard = []
    gateway = Zone(
        Written.read(Folder.open(site)).accesses[0], lambda zone, message, receipt: heard.append(message.payload)
    )
    gateway.start(60)
    assert mote.connect(HERE, first)
    assert mote.subscribe("mote/kitchen/down")
    kill(site, 1)
    assert mote.closed()
    assert until(lambda: says_it(site, second, "ana", "mote/kitchen/down", b"while it was away"))
    again: list[Client] = []

    def back() -> bool:
        again.append(certified(site, "kitchen", clean=False))
        return again[-1].connect(HERE, third)

    assert until(back)
    assert until(lambda: again[-1].hears("mote/kitchen/down", b"while it was away"))
    counters = iter(range(9, 1000))
    assert until(lambda: admits(site, 1, next(counters))), "the other zone goes on, too"
    again[-1].disconnect()
    assert until(lambda: says_it(site, third, "kitchen", "mote/kitchen/up", b"to the gateway"))
    assert until(lambda: b"to the gateway" in heard)
    gateway.stop()


def test_configurations_of_nodes_that_there_are_no_more_are_removed(tmp_path):
    root = clusters.make(tmp_path / "fleet")
    folder = root / "brokers/nats"
    assert sorted(path.parent.name for path in folder.rglob("trusted.conf")) == ["node-1", "node-2", "node-3"]
    assert fleets.ironmote("broker", "write", "--nodes", 1, cwd=root).status == 0
    assert [path.parent.name for path in folder.rglob("trusted.conf")] == ["nats"]
    refused = fleets.ironmote("broker", "check", "--node", 2, cwd=root)
    assert (refused.status, "there is no node 2" in refused.errors) == (1, True)


def test_cluster_needs_a_broker_for_each_node_and_nats(tmp_path):
    fleets.make(tmp_path / "fleet")
    for kind, said in (("nats", "a cluster of 3 needs 3"), ("mosquitto", "Mosquitto has no cluster")):
        done = fleets.ironmote("broker", "write", kind, "--nodes", 3, cwd=tmp_path / "fleet")
        assert (done.status, said in done.errors) == (1, True), done.errors
