"""Gateways that take turns at a stream: one of two is killed, and one of three NATS nodes, again and again, under load.

What was sent, stored, lost and repeated: `make prove` with few kills, `KILLS=20 make prove ARGS="-k turns"` with more.
"""

import functools
import itertools
import os
import signal
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace

import clusters
import pytest
import waits
from gateway_bench import Client
from gateway_motes import SealingMote, a_fleet
from gateway_process import GatewayProcess
from ironmote.brokers import Endpoint, GatewayAccess, Site, nats, nats_cluster, nats_files
from ironmote.brokers.nats import NatsBroker
from ironmote.brokers.process import ServerProcess
from ironmote.certificates import Authority
from ironmote.fleet import CLEAR, HOME, Fleet
from ironmote.gateway.members import members_of
from paho.mqtt.enums import MQTTErrorCode
from postgres_server import PostgresServer, a_postgres

KILLS = int(os.environ.get("KILLS", "4"))
_WITHIN_S = 90.0
_PAUSE_S = 0.01


class Roving(Client):
    """A mote's connection that tries the next node where one breaks, and says again what was not acknowledged."""

    def __init__(self, places: list[Endpoint], fleet: Fleet, name: str) -> None:
        super().__init__(SimpleNamespace(clear=places[0]), fleet, SealingMote(fleet, name))  # type: ignore[arg-type]
        self._places = itertools.cycle([*places[1:], places[0]])
        self._client.reconnect_delay_set(1, 1)
        self._client.on_disconnect = self._client.on_connect_fail = lambda *_: self._elsewhere()

    def _elsewhere(self) -> None:
        place = next(self._places)
        self._client.connect_async(place.host, place.port)

    def publish(self, leaf: str, payload: bytes) -> None:
        said = self._client.publish(f"sealed/{self.mote.id}/{leaf}", payload, qos=1)
        if said.rc == MQTTErrorCode.MQTT_ERR_NO_CONN:  # it waits, and goes out with the next connection
            said.rc = MQTTErrorCode.MQTT_ERR_SUCCESS
        said.wait_for_publish(_WITHIN_S)
        assert said.is_published()


until = functools.partial(waits.until, within_s=_WITHIN_S)


class Load:
    """Motes that send without a pause, each in a thread."""

    def __init__(self, clients: Iterable[Client]) -> None:
        self._clients = list(clients)
        self._enough = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(client,)) for client in self._clients]
        for thread in self._threads:
            thread.start()

    def _send(self, client: Client) -> None:
        while not self._enough.wait(_PAUSE_S):
            client.publish("up", client.mote.up())

    def end(self) -> int:
        """Records that were sent, and that the broker has acknowledged."""
        self._enough.set()
        for thread in self._threads:
            thread.join()
        for client in self._clients:
            client.close()
        return sum(client.mote.number for client in self._clients)


class Store:
    """What is in the PostgreSQL that gateways share."""

    def __init__(self, postgres: PostgresServer, name: str) -> None:
        self.url = postgres.new_database(name)

    def counts(self) -> tuple[int, int]:
        """Records, and different ones."""
        import psycopg

        query = "SELECT COUNT(*), COUNT(DISTINCT (mote, generation, boot, number)) FROM records"
        with psycopg.connect(self.url, autocommit=True) as db:
            row = db.execute(query).fetchone()
        assert row is not None
        return row[0], row[1]

    def until_more(self, count: int) -> None:
        enough = self.counts()[0] + count
        until(lambda: self.counts()[0] >= enough)

    def account(self, what: str, sent: int) -> None:
        until(lambda: self.counts()[0] >= sent)
        time.sleep(1)
        stored, once = self.counts()
        print(f"{KILLS} kills of {what}: sent {sent}, stored {stored}, lost {sent - once}, repeated {stored - once}")
        assert (stored, once) == (sent, sent)


def two_gateways(folder: Path, fleet: Fleet, accesses: list[GatewayAccess], store: Store) -> list[GatewayProcess]:
    accesses = [each for each in accesses if each.zone == CLEAR]
    found = [
        GatewayProcess(folder, name, fleet.id, members_of(fleet), accesses, store.url) for name in ("first", "second")
    ]
    for each in found:
        each.start()
    return found


@pytest.fixture(scope="module")
def postgres():
    with a_postgres() as server:
        yield server


def test_gateway_whose_turn_it_is_may_die(tmp_path: Path, postgres: PostgresServer):
    fleet, store = a_fleet(), Store(postgres, "turns")
    broker = NatsBroker(fleet, Authority.create(), tmp_path / "broker", stream=True)
    broker.start()
    gateways = two_gateways(tmp_path, fleet, broker.gateway, store)
    try:
        load = Load(Client(broker, fleet, SealingMote(fleet, name)) for name in ("cellar", "attic"))
        for _ in range(KILLS):
            before = [len(each.of("RecordSeen")) for each in gateways]
            store.until_more(20)
            took = [len(each.of("RecordSeen")) - count for each, count in zip(gateways, before, strict=True)]
            victim = gateways[took.index(max(took))]
            victim.kill()
            store.until_more(20)  # by the other one
            victim.start()
        store.account("the gateway whose turn it is", load.end())
        assert [each.of("MessageRefused") for each in gateways] == [[], []]
    finally:
        for each in gateways:
            each.end()
        broker.stop()


class Cluster:
    """Three nodes, each of two servers, as they are written for a fleet."""

    def __init__(self, fleet: Fleet, folder: Path) -> None:
        first = clusters._row(6 * clusters.NODES)
        places = [(clusters.HERE, first + number, first + 3 + number) for number in range(clusters.NODES)]
        nodes = nats_cluster.of_hosts(places, first + 6, first + 9, first + 12)
        ports = nats_files.ports_of(nodes[0])
        self.clear = [Endpoint(node.host, node.clear) for node in nodes]
        self.gateway, asked = nats_files.write(fleet, Authority.create(), folder, ports, Site(stream=True), nodes=nodes)
        servers = nats.node_processes("NATS", nats.find_nats(), folder, nodes, (HOME, CLEAR))
        self.nodes: list[list[ServerProcess]] = [servers[at : at + 2] for at in range(0, len(servers), 2)]
        self._processes = [*servers, *asked.processes]
        for process in self._processes:
            process.start()

    def kill(self, number: int) -> None:
        for process in self.nodes[number]:
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
            process.stop()

    def start(self, number: int) -> None:
        for process in self.nodes[number]:
            process.start()

    def close(self) -> None:
        for process in reversed(self._processes):
            process.stop()


def test_any_node_may_die_while_gateways_take_turns(tmp_path: Path, postgres: PostgresServer):
    fleet, store = a_fleet(), Store(postgres, "nodes")
    cluster = Cluster(fleet, tmp_path / "cluster")
    gateways = two_gateways(tmp_path, fleet, cluster.gateway, store)
    try:
        load = Load(Roving(cluster.clear, fleet, name) for name in ("cellar", "attic"))
        store.until_more(20)
        for turn in range(KILLS):
            cluster.kill(turn % clusters.NODES)
            store.until_more(20)  # by the other two
            cluster.start(turn % clusters.NODES)
            store.until_more(20)
        store.account("one of three NATS nodes", load.end())
    finally:
        for each in gateways:
            each.end()
        cluster.close()
