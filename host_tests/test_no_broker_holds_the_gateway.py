"""A broker, or who cuts its connections, can delay its own motes, and nobody else's; what is held takes little memory.

After a session is resumed the gateway holds what comes until what came before has come again. The attackers see to it
that this never ends: one is the broker of the trusted zone, the other sits on the way to the clear one.
"""

import contextlib
import ssl
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from faulty_link import FaultyLink
from gateway_bench import Bench, Client
from gateway_motes import SealingMote
from hostile import Link, Listener
from hostile_broker import CONNECT, PINGREQ, SUBSCRIBE, Session, packet
from ironmote.brokers.nats import NatsBroker
from ironmote.certificates import Authority
from ironmote.gateway import MessageRefused, RecordSeen
from ironmote.gateway import inbox as inbox_module
from ironmote.gateway.resume import Arrival
from mote import sealed
from test_gateway_survives_a_flood import collected

pytestmark = pytest.mark.long

ROOM = 32
BREAKS_S = 1.0  # with the second after which the gateway dials again, sooner than a session is settled


class NeverSettled:
    """A broker that says, of every connection, that it resumes a session, and ends it soon after."""

    def __init__(self, folder: Path, authority: Authority, payloads: list[bytes]) -> None:
        credential = authority.issue("broker", ["broker"], server=True, ip_addresses=["127.0.0.1"])
        (folder / "cert.pem").write_bytes(credential.cert_pem)
        (folder / "key.pem").write_bytes(credential.key_pem)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        self._payloads = payloads
        self.said = threading.Event()
        self.sessions = 0
        self._listener = Listener(self._serve)
        self.port = self._listener.port

    def close(self) -> None:
        self._listener.close()

    def _serve(self, link: Link) -> None:
        with contextlib.suppress(OSError, EOFError):
            link.socket = self._context.wrap_socket(link.socket, server_side=True)
            session = Session(link)
            self.sessions += 1
            kind, body = session.take()
            while kind != SUBSCRIBE:
                session.send(b"\xd0\0" if kind == PINGREQ else b"\x20\x02\x01\0")
                assert kind in (CONNECT, PINGREQ)
                kind, body = session.take()
            session.send(b"\x90\x03" + body[:2] + b"\x01")
            topic = b"mote/kitchen/up"
            for number, payload in enumerate(self._payloads):
                session.send(
                    packet(0x32, len(topic).to_bytes(2, "big") + topic + (number + 1).to_bytes(2, "big") + payload)
                )
            self._payloads = []
            self.said.set()
            time.sleep(BREAKS_S)


@contextlib.contextmanager
def at_a_broker_that_never_settles(folder: Path, payloads: list[bytes], again_s: float = 2.0):
    """A gateway whose trusted zone has such a broker, and whose clear zone an honest one."""
    bench = Bench(NatsBroker, folder)
    bench.gateway.stop()
    hostile = NeverSettled(folder, bench.authority, payloads)
    home, *others = bench.broker.gateway
    bench.broker.gateway = [replace(home, port=hostile.port, again_s=again_s), *others]
    bench.gateway = bench.start_gateway()
    try:
        assert hostile.said.wait(20)
        yield bench, hostile
    finally:
        bench.gateway.stop()
        hostile.close()
        bench.broker.stop()


def wait_until_held(bench: Bench, count: int) -> list[Arrival]:
    deadline = time.monotonic() + 20
    while len(held := bench.gateway._resumption.held) < count:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return held


def test_zone_whose_broker_lets_no_session_settle_keeps_no_other_zone_from_being_heard(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(inbox_module, "_WAITING", ROOM)
    with at_a_broker_that_never_settles(tmp_path, [b"nothing"] * ROOM, again_s=60) as (bench, _):
        wait_until_held(bench, ROOM)
        mote = SealingMote(bench.fleet, "cellar")
        client = Client(bench.broker, bench.fleet, mote)
        client.publish("up", mote.up())
        events = collected(bench, lambda events: any(isinstance(each, RecordSeen) for each in events), 20)
        assert not any(isinstance(each, MessageRefused) for each in events)  # all of those are held still
        client.close()


def test_messages_held_are_told_in_the_end_though_no_session_ever_settles(tmp_path: Path):
    with at_a_broker_that_never_settles(tmp_path, [b"nothing"] * ROOM) as (bench, hostile):
        events = collected(bench, lambda events: sum(getattr(each, "times", 0) for each in events) == ROOM, 30)
        assert all(isinstance(each, MessageRefused) for each in events)
        assert hostile.sessions > 2


def test_huge_message_is_refused_and_no_more_of_it_held_than_shows_that_it_is_too_long(tmp_path: Path):
    with at_a_broker_that_never_settles(tmp_path, [bytes(1 << 20)] * 3) as (bench, _):
        held = wait_until_held(bench, 3)
        assert {len(each.what.message.payload) for each in held} == {sealed.MAX_UP + 1}
        refused = collected(bench, lambda events: len(events) == 3, 30)
        assert all("too long" in each.why for each in refused)


def test_records_arrive_once_though_the_connection_is_cut_again_and_again(tmp_path: Path):
    bench = Bench(NatsBroker, tmp_path)
    bench.gateway.stop()
    honest = bench.broker.gateway
    clear = next(each for each in honest if each.prefix == "sealed")
    link = FaultyLink(clear.port)
    bench.broker.gateway = [replace(each, port=link.port) if each is clear else each for each in honest]
    bench.gateway = bench.start_gateway()
    over = threading.Event()
    mote = SealingMote(bench.fleet, "cellar")
    client = Client(bench.broker, bench.fleet, mote)

    def cut() -> None:
        while not over.wait(BREAKS_S + 0.5):
            link.cut()

    cutting = threading.Thread(target=cut)
    try:
        link.cut()
        cutting.start()
        for _ in range(20):
            client.publish("up", mote.up())
        seen = collected(bench, lambda events: sum(isinstance(each, RecordSeen) for each in events) == 20, 60)
        assert link.sessions > 2
        numbers = [each.number for each in seen if isinstance(each, RecordSeen)]
        assert sorted(numbers) == list(range(1, 21))
    finally:
        over.set()
        cutting.join()
        client.close()
        bench.gateway.stop()
        link.close()
        bench.broker.stop()
