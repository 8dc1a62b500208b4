"""Two gateways and one PostgreSQL: each record is stored once, whichever of them is killed and whenever.

Real Mosquitto, PostgreSQL and MQTT clients, the gateways in processes of their own.
"""

import functools
import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
import waits
from gateway_bench import Client
from gateway_motes import SealingMote, a_fleet
from gateway_process import GatewayProcess
from ironmote.brokers import GatewayAccess
from ironmote.brokers.mosquitto import MosquittoBroker
from ironmote.certificates import Authority
from ironmote.gateway.members import members_of
from mote import command
from postgres_server import PostgresServer, a_postgres
from real_brokers import require_mosquitto

_WITHIN_S = 60.0
KILLS = int(os.environ.get("KILLS", "1"))  # make kill-one KILLS=40


def another(access: GatewayAccess, authority: Authority, folder: Path) -> GatewayAccess:
    """The way in of a second gateway, with the same rights: this broker knows clients by their certificates alone."""
    name = f"second.{access.client_id}"
    credential = authority.issue(name)
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    cert.write_bytes(credential.cert_pem)
    key.write_bytes(credential.key_pem)
    rights = folder / "trusted.acl"
    blocks = rights.read_text().split("\n\n")
    (own,) = [each for each in blocks if each.startswith(f"user {access.client_id}\n")]
    rights.write_text("\n\n".join([*blocks, own.replace(f"user {access.client_id}", f"user {name}")]) + "\n")
    return replace(access, cert_file=cert, key_file=key, client_id=name)


class Site:
    """A fleet, its broker, its store, and two gateways that run."""

    def __init__(self, folder: Path, postgres: PostgresServer, name: str) -> None:
        self.postgres = postgres
        self.url = postgres.new_database(name)
        self.fleet = a_fleet()
        authority = Authority.create()
        self.broker = MosquittoBroker(self.fleet, authority, folder / "broker")
        first = self.broker.gateway
        second = [another(each, authority, folder / "broker") for each in first]
        self.broker.start()
        members = members_of(self.fleet)
        self.gateways = [
            GatewayProcess(folder, name, self.fleet.id, members, accesses, self.url)
            for name, accesses in (("first", first), ("second", second))
        ]
        for each in self.gateways:
            each.start()

    def client(self, mote: str, boot: int = 1) -> Client:
        return Client(self.broker, self.fleet, SealingMote(self.fleet, mote, boot))

    def rows(self, query: str) -> list[tuple]:
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as db:
            return db.execute(query).fetchall()

    def stored(self) -> int:
        return self.rows("SELECT COUNT(*) FROM records")[0][0]

    def until_more(self, count: int) -> None:
        enough = self.stored() + count
        until(lambda: self.stored() >= enough)

    def close(self) -> None:
        for each in self.gateways:
            each.end()
        self.broker.stop()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory):
    require_mosquitto()
    with a_postgres() as postgres:
        site = Site(tmp_path_factory.mktemp("site"), postgres, "fleet")
        yield site
        site.close()


@pytest.fixture
def site(running: Site) -> Site:
    for each in running.gateways:
        each.events.clear()
    return running


until = functools.partial(waits.until, within_s=_WITHIN_S)


def publish_until(client: Client, enough: threading.Event) -> None:
    while not enough.wait(0.01):
        client.publish("up", client.mote.up())


def publish(client: Client, count: int) -> None:
    for _ in range(count):
        client.publish("up", client.mote.up())


def test_replay_is_an_alert_at_both_and_a_copy_is_none(site: Site):
    client = site.client("cellar")
    message = client.mote.up()
    client.publish("up", message)
    client.publish("up", client.mote.up())
    until(lambda: sum(len(each.of("RecordSeen")) for each in site.gateways) == 2)
    assert [each.of("MessageRefused") for each in site.gateways] == [[], []]
    client.publish("up", message)
    until(lambda: all(each.of("MessageRefused") for each in site.gateways))
    for each in site.gateways:
        ((mote, why, _),) = each.of("MessageRefused")
        assert (mote, "already taken" in why) == ("cellar", True)
    client.close()


def test_answer_ends_the_command_of_the_gateway_that_was_asked(site: Site):
    client = site.client("attic")
    client.publish("up", client.mote.up())
    until(lambda: any(each.of("MoteConfirmed") for each in site.gateways))
    for each in (*site.gateways, *site.gateways):
        before = len(each.of("CommandEnded"))
        each.send("attic", "relay", "on")
        order, _ = client.mote.open_command(client.downs.get(timeout=60))
        client.publish("ack", client.mote.answer(order, command.DONE, True))
        until(lambda each=each, before=before: len(each.of("CommandEnded")) > before)
        assert each.of("CommandEnded")[-1] == ["attic", "relay", "done", "True", "None"]
    assert site.rows("SELECT DISTINCT result, state FROM commands") == [("done", "true")]
    ((numbers,),) = site.rows("SELECT downlink FROM motes WHERE id = 'attic'")
    assert numbers >= 4
    client.close()


def test_gateways_go_on_after_the_postgres_was_away(site: Site):
    client, before = site.client("cellar", 2), site.stored()
    publish(client, 3)
    until(lambda: site.stored() == before + 3)
    site.postgres.stop()
    publish(client, 3)
    site.postgres.start()
    until(lambda: site.stored() == before + 6)
    client.close()


def test_killed_gateways_lose_and_repeat_nothing(site: Site):
    before = site.stored()
    clients = [site.client("cellar", 9), site.client("attic", 9)]
    enough = threading.Event()
    threads = [threading.Thread(target=publish_until, args=(client, enough)) for client in clients]
    for thread in threads:
        thread.start()
    for turn in range(KILLS):
        site.until_more(20)
        victim = site.gateways[turn % 2]
        victim.kill()
        site.until_more(20)  # by the other one
        victim.start()
    enough.set()
    for thread in threads:
        thread.join()
    sent = sum(client.mote.number for client in clients)
    until(lambda: site.stored() - before == sent)
    time.sleep(0.5)
    ((stored, once),) = site.rows(
        "SELECT COUNT(*), COUNT(DISTINCT (mote, generation, boot, number)) FROM records WHERE boot = 9"
    )
    print(f"{KILLS} kills: sent {sent}, stored {stored}, lost {sent - once}, repeated {stored - once}")
    assert (stored, once) == (sent, sent)
    told = [tuple(each) for gateway in site.gateways for each in gateway.of("RecordSeen")]
    assert len(told) == len(set(told)) <= sent
    refused = [each for gateway in site.gateways for each in gateway.of("MessageRefused")]
    assert refused == []
    for client in clients:
        client.close()
