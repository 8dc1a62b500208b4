"""Whoever has one mote's password can send as much as the link carries: disk, memory, screen and others stay well."""

import queue
import socket
import threading
import time
from pathlib import Path

import pytest
from gateway_bench import Bench, Client
from gateway_motes import SealingMote
from ironmote.brokers.nats import NatsBroker
from ironmote.gateway import CommandEnded, MessageRefused, MoteConfirmed, RecordSeen, StateSeen
from ironmote.gateway import inbox as inbox_module
from ironmote.gateway.refusals import REASONS, SAID, Refusals
from ironmote.gateway.store import Store
from ironmote.gateway.uplink import Message
from ironmote.gateway.zone import Receipt

pytestmark = pytest.mark.long

FLOOD = 20_000


def packet(first: int, body: bytes) -> bytes:
    length, head = len(body), bytes([first])
    while True:
        length, digit = divmod(length, 128)
        head += bytes([digit | (0x80 if length else 0)])
        if not length:
            return head + body


def text(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


def session_of(bench: Bench, mote: str) -> socket.socket:
    """A bare socket that a broker has let in as `mote`, with nothing to hold it back."""
    sock = socket.create_connection((bench.broker.clear.host, bench.broker.clear.port))
    password = bench.fleet.motes[mote].static_password(bench.fleet.id).encode()
    name = mote.encode()
    sock.sendall(packet(0x10, text(b"MQTT") + b"\x04\xc2\x00\x3c" + text(name) + text(name) + text(password)))
    assert sock.recv(4) == b"\x20\x02\x00\x00"
    return sock


def collected(bench: Bench, done, wait_s: float = 30.0) -> list:
    """Events, until `done(events)`."""
    events: list = []
    deadline = time.monotonic() + wait_s
    while not done(events):
        assert time.monotonic() < deadline, events[-5:]
        try:
            events.append(bench.events.get(timeout=0.2))
        except queue.Empty:
            continue
    return events


def is_confirmed(events: list) -> bool:
    return any(isinstance(each, MoteConfirmed) for each in events)


def test_flood_at_qos_0_costs_one_row_a_minute_and_loses_no_record_of_another_mote(bench: Bench):
    garbage = SealingMote(bench.fleet, "cellar", boot=9).up()[:-1] + b"x"
    sock = session_of(bench, "cellar")
    blocks = packet(0x30, text(b"sealed/cellar/up") + garbage) * 100
    flooding = threading.Thread(target=lambda: [sock.sendall(blocks) for _ in range(FLOOD // 100)])
    flooding.start()
    mote = SealingMote(bench.fleet, "attic")
    client = Client(bench.broker, bench.fleet, mote)
    client.publish("up", mote.up())
    before = collected(bench, is_confirmed)
    for _ in range(19):
        client.publish("up", mote.up())
    flooding.join()
    client.publish("up", mote.up())
    events = collected(bench, lambda events: any(isinstance(e, RecordSeen) and e.number == 21 for e in events))
    assert [each.number for each in before + events if isinstance(each, RecordSeen)] == list(range(1, 22))
    bench.gateway.check()
    bench.gateway.stop()
    found = bench.rows("SELECT mote, why, alert, SUM(times) FROM refusals GROUP BY mote, why, alert")
    assert [row[:3] for row in found] == [("cellar", "sent at QoS 0, which no mote does", 0)]
    assert FLOOD // 100 <= found[0][3] <= FLOOD  # a broker drops of QoS 0 what it has no room for
    assert bench.rows("SELECT COUNT(*) FROM refusals")[0][0] <= 3
    sock.close()
    client.close()


def test_flood_of_different_lies_at_qos_1_is_kept_in_a_few_rows_and_told_in_a_few_events(bench: Bench):
    true = SealingMote(bench.fleet, "cellar")
    client = Client(bench.broker, bench.fleet, true)
    client.publish("up", true.up())
    collected(bench, is_confirmed)
    lies = 600
    for number in range(lies):
        forged = SealingMote(bench.fleet, "cellar", boot=1, generation=2 + number % 200)
        client.publish("up", forged.up()[:-1] + b"x")
    client.publish("up", true.up())
    events = collected(bench, lambda events: any(isinstance(each, RecordSeen) for each in events))
    bench.gateway.stop()
    while not bench.events.empty():
        events.append(bench.events.get())
    told = [each for each in events if isinstance(each, MessageRefused)]
    assert sum(each.times for each in told) == lies
    assert len(told) < lies / 2
    ((count, times),) = bench.rows("SELECT COUNT(*), SUM(times) FROM refusals")
    assert times == lies
    minutes = bench.rows("SELECT COUNT(DISTINCT minute) FROM refusals")[0][0]
    assert count <= minutes * (REASONS + 1)
    client.close()


def test_zone_stops_reading_while_the_worker_has_no_room_and_nothing_is_lost(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(inbox_module, "_WAITING", 8)
    goes_on = threading.Event()
    bench = Bench(NatsBroker, tmp_path)
    take = bench.events.put
    bench.gateway.stop()
    waiting: list[int] = []

    def slowly(event) -> None:
        goes_on.wait(20)
        waiting.append(bench.gateway._inbox.waiting)
        take(event)

    bench.events.put = slowly  # type: ignore[method-assign]
    bench.gateway = bench.start_gateway()
    mote = SealingMote(bench.fleet, "cellar")
    client = Client(bench.broker, bench.fleet, mote)
    try:
        for _ in range(100):
            client.publish("state", mote.state(uptime=1))
        goes_on.set()
        events = collected(bench, lambda events: len([e for e in events if isinstance(e, StateSeen)]) == 100)
        assert not any(isinstance(each, MessageRefused) for each in events)
        assert max(waiting) <= 8
    finally:
        goes_on.set()
        client.close()
        bench.gateway.stop()
        bench.broker.stop()


def test_command_sent_from_the_workers_own_thread_does_not_wait_for_room(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(inbox_module, "_WAITING", 1)
    bench = Bench(NatsBroker, tmp_path)
    bench.gateway.stop()
    take = bench.events.put

    def asking(event) -> None:
        take(event)
        if isinstance(event, RecordSeen):
            for _ in range(5):
                bench.gateway.send("kitchen", "relay", True, 0.1)

    bench.events.put = asking  # type: ignore[method-assign]
    bench.gateway = bench.start_gateway()
    mote = SealingMote(bench.fleet, "cellar")
    client = Client(bench.broker, bench.fleet, mote)
    try:
        client.publish("up", mote.up())
        collected(bench, lambda events: len([e for e in events if isinstance(e, CommandEnded)]) == 5)
    finally:
        client.close()
        bench.gateway.stop()
        bench.broker.stop()


def test_stopping_does_not_wait_for_a_zone_that_waits_for_room(bench: Bench):
    bench.gateway.stop()
    zone = bench.gateway._zones[0]
    message = Message("clear", "sealed", "sealed/cellar/up", b"x")
    for _ in range(inbox_module._WAITING + 2):  # the worker has ended, so none of this is ever taken
        bench.gateway._inbox.arrived(zone, message, Receipt(0, 1, -1))


def test_alerts_are_told_in_the_midst_of_a_flood_of_garbage(tmp_path: Path):
    store = Store(tmp_path / "g.db")
    refusals = Refusals(store)
    for _ in range(1000):
        refusals.say(MessageRefused("cellar", "clear", "garbage", alert=False))
    alert = MessageRefused("cellar", "clear", "this mote was copied", alert=True)
    assert refusals.say(alert) is alert
    store.close()


def test_refusals_are_forgotten_after_thirty_days_and_beyond_a_hundred_thousand(tmp_path: Path):
    store = Store(tmp_path / "g.db")
    month = 30 * 24 * 60
    with store.transaction():
        store.add_refusals({(minute, "clear", "cellar", str(why), False): 1 for minute in (1, 2) for why in range(9)})
        store.prune_refusals(2 + month)
    assert count(store) == 9
    with store.transaction():
        store.add_refusals({(9, "clear", "cellar", str(why), False): 1 for why in range(100_000)})
        store.prune_refusals(9)
    assert count(store) == 100_000
    store.close()


def count(store: Store) -> int:
    found: int = store._db.execute("SELECT COUNT(*) FROM refusals").fetchone()[0]
    return found


def test_at_most_a_few_events_a_second_and_then_their_sum(tmp_path: Path):
    store = Store(tmp_path / "g.db")
    refusals = Refusals(store)
    refusals.unsaid()
    told = [refusals.say(MessageRefused("cellar", "clear", "garbage", alert=False)) for _ in range(1000)]
    assert sum(each is not None for each in told) == SAID
    (more,) = refusals.unsaid(at_once=True)
    assert (more.mote, more.times) == ("cellar", 1000 - SAID)
    assert refusals.unsaid(at_once=True) == []
    store.close()
