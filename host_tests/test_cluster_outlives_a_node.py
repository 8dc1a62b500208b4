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


def test_session_goes_on_at_another_node_where_one_dies(site):
    places = nodes(site)
    mote, hub = certified(site, "kitchen", clean=False), certified(site, "ana")
    heard = []
    gateway = Zone(Written.read(Folder.open(site)).accesses[0], lambda zone, message, receipt: heard.append(message))
    gateway.start(30)
    assert mote.connect(HERE, places[0].trusted)
    assert mote.subscribe("mote/kitchen/down")
    assert hub.connect(HERE, places[1].trusted)
    kill(site, 1)
    assert mote.closed()
    deadline = time.monotonic() + 60
    again = certified(site, "kitchen", clean=False)
    hub.publish("mote/kitchen/down", b"while it was away")
    while not again.connect(HERE, places[2].trusted) and time.monotonic() < deadline:
        again = certified(site, "kitchen", clean=False)
    assert again.hears("mote/kitchen/down", b"while it was away")
    assert any(admits(site, 1, counter) for counter in range(9, 20)), "the other zone goes on, too"
    again.publish("mote/kitchen/up", b"to the gateway")
    while b"to the gateway" not in [message.payload for message in heard] and time.monotonic() < deadline:
        time.sleep(0.1)
    assert b"to the gateway" in [message.payload for message in heard]
    gateway.stop()
    for client in (again, hub):
        client.disconnect()
