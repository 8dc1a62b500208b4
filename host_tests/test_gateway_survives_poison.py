"""One message must never stop the gateway, whoever sent it: against the running gateway, over a real broker.

What a genuine mote signs is hostile too, once somebody has its keys; and a local caller makes mistakes.
"""

import functools
import json
import os
import sqlite3
import stat
import time

import pytest
import waits
from clients import with_certificate
from gateway_bench import Bench, Client
from gateway_motes import SealingMote
from ironmote.brokers import identity
from ironmote.brokers.mosquitto import MosquittoBroker
from ironmote.errors import IronmoteError
from ironmote.fleet import CLEAR
from ironmote.gateway import (
    CommandEnded,
    MessageRefused,
    MoteConfirmed,
    RecordSeen,
    RecordsMayBeMissing,
    RecordsSkipped,
    StateSeen,
)
from ironmote.gateway import database as database_module
from ironmote.gateway import gateway as gateway_module
from ironmote.gateway import served as served_module
from ironmote.gateway.uplink import Message
from ironmote.gateway.zone import Receipt
from mote import cbor, command, senml

WAIT_S = 20.0


class Kitchen:
    """The TLS mote of the fleet, with its true certificate."""

    def __init__(self, bench: Bench) -> None:
        ca = bench.folder / "broker" / "tls" / "ca.pem"
        self._client = with_certificate(bench.authority.issue("kitchen"), ca, bench.folder, "kitchen")
        assert self._client.connect(bench.broker.trusted.host, bench.broker.trusted.port)

    def says(self, leaf: str, payload: bytes, **flags) -> None:
        self._client.publish(f"mote/kitchen/{leaf}", payload, **flags)

    def record(self, number: int, **fields) -> None:
        first = {"bn": "kitchen/", "ri": f"1.1.{number}", "n": "t", "v": 1, **fields}
        self.says("up", json.dumps([{name: first[name] for name in first if first[name] is not None}]).encode())

    def state(self, boot: int, **flags) -> None:
        self.says("state", json.dumps({"online": True, "boot": boot, "connection": 1}).encode(), **flags)

    def close(self) -> None:
        self._client.disconnect()


def wait_for(bench: Bench, kind, seen: list | None = None):
    """The next event of this kind; those before it are added to `seen`."""
    while not isinstance(event := bench.events.get(timeout=WAIT_S), kind):
        if seen is not None:
            seen.append(event)
    return event


POISON = [
    {"v": 2**63},
    {"v": -(2**64)},
    {"v": 2**53, "bv": 2**53},
    {"v": 1e308, "bv": 1.7e308},
    {"bt": 2**63},
    {"t": 2**63},
    {"bt": 2**39 + 2**38, "t": 2**39},
    {"t": 1e300},
    {"v": None, "vs": "\ud800"},
    {"v": None, "vs": "\x1b[2J"},
    {"u": "\ud800"},
    {"n": "\ud800"},
    {"v": None, "vb": 2**63},
]


def test_poison_of_a_genuine_mote_is_refused_and_the_gateway_goes_on_also_after_a_restart(bench: Bench):
    kitchen = Kitchen(bench)
    for number, fields in enumerate(POISON, 1):
        kitchen.record(number, **fields)
    kitchen.says("ack", b'{"id":"0000000000000000","name":"x","result":"done","value":"\\ud800"}')
    kitchen.says("state", b'{"online":true,"boot":1,"connection":1,"why":"\\ud800"}')
    kitchen.record(77)
    before: list = []
    assert wait_for(bench, RecordSeen, before).number == 77
    assert all(isinstance(event, MessageRefused) and event.alert for event in before)
    bench.gateway.check()
    bench.gateway.stop()
    assert bench.rows("SELECT SUM(times) FROM refusals") == [(len(POISON) + 2,)]

    bench.gateway = bench.start_gateway()
    kitchen.record(78)
    assert wait_for(bench, RecordSeen).number == 78
    bench.gateway.check()
    kitchen.close()


def test_sealed_poison_is_refused_and_the_gateway_goes_on(bench: Bench):
    mote = SealingMote(bench.fleet, "cellar")
    client = Client(bench.broker, bench.fleet, mote)
    entry = {-2: "cellar/", 0: "t", "ri": "1.1.1"}
    for field in ({2: 2**63}, {2: 1, 6: 2**63}, {2: 1, -3: 2**64 - 1}, {2: 2**53, -5: 2**53}):
        client.publish("up", mote.seal("up", cbor.encode([{**entry, **field}])))
        assert wait_for(bench, MessageRefused).alert
    client.publish("up", mote.up())
    assert wait_for(bench, RecordSeen).number == 1
    bench.gateway.check()
    client.close()


def test_what_no_check_foresaw_is_refused_alone_and_acknowledged(bench: Bench, monkeypatch):
    monkeypatch.setattr(senml, "_LARGEST", 1 << 80)  # a check that somebody has got wrong
    kitchen = Kitchen(bench)
    kitchen.record(1)
    kitchen.record(2, v=2**63)
    kitchen.record(3)
    seen: list = []
    while not seen or not isinstance(seen[-1], RecordSeen) or seen[-1].number != 3:
        seen.append(bench.events.get(timeout=WAIT_S))
    assert [each.number for each in seen if isinstance(each, RecordSeen)] == [1, 3]
    (refused,) = [each for each in seen if isinstance(each, MessageRefused)]
    assert (refused.mote, refused.alert, refused.why) == ("kitchen", True, "could not be stored (OverflowError)")
    bench.gateway.stop()
    bench.gateway = bench.start_gateway()  # it was acknowledged: it does not come again
    bench.quiet()
    assert bench.rows("SELECT COUNT(*) FROM readings") == [(2,)]
    kitchen.close()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dimmer", 2**70),
        ("dimmer", float("nan")),
        ("dimmer", "\ud800"),
        ("dimmer", None),
        ("dimmer", b"\0"),
        ("\ud800", 1),
        ("x" * 33, 1),
        ("!rotate", "x"),
        ("", 1),
    ],
)
def test_command_that_no_mote_could_take_is_refused_on_its_callers_thread(nats: Bench, name, value):
    with pytest.raises(IronmoteError, match="no command"):
        nats.gateway.send("cellar", name, value)
    with pytest.raises(IronmoteError):
        nats.gateway.send("cellar", "dimmer", 1, within_s=float("nan"))
    mote = SealingMote(nats.fleet, "cellar")
    client = Client(nats.broker, nats.fleet, mote)
    client.publish("up", mote.up())
    wait_for(nats, RecordSeen)
    nats.gateway.check()
    client.close()


def test_answer_under_another_name_or_with_bytes_ends_no_command(nats: Bench):
    mote = SealingMote(nats.fleet, "cellar")
    client = Client(nats.broker, nats.fleet, mote)
    client.publish("up", mote.up())
    wait_for(nats, MoteConfirmed)
    nats.gateway.send("cellar", "dimmer", 40)
    order, _ = mote.open_command(client.downs.get(timeout=10))
    other = command.Answer(order.id, command.DONE, "!challenge", b"\xff", None)
    client.publish("ack", mote.seal("ack", command.encode_answer_cbor(other)))
    client.publish("ack", mote.answer(order, command.DONE, 40))
    ended = wait_for(nats, CommandEnded)
    assert (ended.name, ended.value) == ("dimmer", 40)
    client.close()


def test_reprovisioned_mote_is_heard_by_a_gateway_that_knew_it(bench: Bench):
    old = SealingMote(bench.fleet, "cellar", boot=7)
    client = Client(bench.broker, bench.fleet, old)
    client.publish("up", old.up())
    wait_for(bench, MoteConfirmed)
    client.publish("state", old.state())
    wait_for(bench, RecordsMayBeMissing)
    client.close()
    bench.gateway.stop()

    bench.fleet.motes["cellar"].generation, bench.fleet.motes["cellar"].root = 2, os.urandom(32)
    bench.gateway = bench.start_gateway()
    zone = next(zone for zone in bench.gateway._zones if zone.access.zone == CLEAR)
    # By hand, as a broker would: the one that runs still has the password of the root key before.
    for boot, before in ((1, 7), (7, 1)):
        mote = SealingMote(bench.fleet, "cellar", boot=boot, generation=2)
        for leaf, payload in (("state", mote.state()), ("up", mote.up())):
            message = Message("clear", "sealed", f"sealed/cellar/{leaf}", payload)
            bench.gateway._inbox.arrived(zone, message, Receipt(0, 1, -1))
        assert bench.next(StateSeen).state.boot == boot
        assert bench.next(RecordsMayBeMissing) == RecordsMayBeMissing("cellar", before, 1, boot)
        assert bench.next(RecordSeen).boot == boot


def test_record_is_taken_once_although_another_process_held_the_file(nats: Bench, monkeypatch):
    mote = SealingMote(nats.fleet, "cellar")
    client = Client(nats.broker, nats.fleet, mote)
    client.publish("up", mote.up())
    nats.next(RecordSeen)
    nats.gateway.stop()
    monkeypatch.setattr(database_module, "_BUSY_S", 0.05)
    monkeypatch.setattr(gateway_module, "_PAUSES_S", (0.2,) * 100)
    failures = count_failures(monkeypatch)
    nats.gateway = nats.start_gateway()

    holder = sqlite3.connect(nats.folder / "g.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    message = mote.up()
    client.publish("up", message)
    client.publish("state", mote.state())
    until(lambda: len(failures) > 2)
    nats.gateway.check()
    holder.execute("ROLLBACK")
    holder.close()
    assert nats.next(RecordSeen).number == 2
    nats.next(StateSeen)
    client.publish("up", message)
    assert "already taken" in nats.next(MessageRefused).why
    nats.gateway.check()
    client.close()


def test_every_record_is_taken_once_although_the_disk_was_full_for_a_while(nats: Bench, monkeypatch):
    monkeypatch.setattr(gateway_module, "_PAUSES_S", (0.05,) * 1000)
    failures = count_failures(monkeypatch)
    mote = SealingMote(nats.fleet, "cellar")
    client = Client(nats.broker, nats.fleet, mote)
    client.publish("up", mote.up())
    nats.next(RecordSeen)
    nats.next(MoteConfirmed)
    disk = nats.gateway._store._db
    disk.execute(f"PRAGMA max_page_count = {disk.execute('PRAGMA page_count').fetchone()[0]}")
    for _ in range(200):
        client.publish("up", mote.up())
    until(lambda: len(failures) > 2)
    disk.execute("PRAGMA max_page_count = 1000000")
    numbers = [nats.next(RecordSeen).number for _ in range(200)]
    assert numbers == list(range(2, 202))
    nats.gateway.check()
    nats.gateway.stop()
    assert nats.gateway.lost == {"cellar": 0}
    client.close()


@pytest.mark.parametrize("bench", [MosquittoBroker], indirect=True)
def test_file_that_stays_held_stops_the_gateway_and_the_record_comes_again(bench: Bench, monkeypatch):
    mote = SealingMote(bench.fleet, "cellar")
    client = Client(bench.broker, bench.fleet, mote)
    client.publish("up", mote.up())
    bench.next(RecordSeen)
    bench.gateway.stop()
    monkeypatch.setattr(database_module, "_BUSY_S", 0.05)
    monkeypatch.setattr(gateway_module, "_PAUSES_S", (0.05, 0.05))
    bench.gateway = bench.start_gateway()
    holder = sqlite3.connect(bench.folder / "g.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    client.publish("up", mote.up())
    until(lambda: bench.gateway._failure is not None)
    with pytest.raises(IronmoteError, match="cannot be written"):
        bench.gateway.check()
    holder.execute("ROLLBACK")
    holder.close()
    bench.gateway.stop()
    bench.gateway = bench.start_gateway()
    assert bench.next(RecordSeen).number == 2
    client.close()


def count_failures(monkeypatch) -> list[int]:
    failures: list[int] = []
    reload = served_module.Served.reload

    def counting(self) -> None:
        failures.append(1)
        reload(self)

    monkeypatch.setattr(served_module.Served, "reload", counting)
    return failures


until = functools.partial(waits.until, within_s=WAIT_S)


def test_number_zero_is_refused_and_a_leap_of_the_numbers_is_an_alert_and_no_loss(nats: Bench):
    kitchen = Kitchen(nats)
    for number in (1, 3):
        kitchen.record(number)
        nats.next(RecordSeen)
    kitchen.record(0)
    assert "number 0" in nats.next(MessageRefused).why
    kitchen.record(0xFFFFFFFF)
    assert nats.next(RecordsSkipped) == RecordsSkipped("kitchen", 1, 3, 0xFFFFFFFF)
    assert nats.next(RecordSeen).number == 0xFFFFFFFF
    nats.gateway.stop()
    assert nats.gateway.lost == {"kitchen": 1}
    kitchen.close()


def test_boot_counter_that_is_far_too_high_hides_no_later_state_of_a_tls_mote(bench: Bench):
    kitchen = Kitchen(bench)
    kitchen.state(2**40)
    assert "malformed state" in bench.next(MessageRefused).why
    for boot in (2**32 - 1, 3):
        kitchen.state(boot)
        assert bench.next(StateSeen).state.boot == boot
        assert bench.next(RecordsMayBeMissing).until == boot
    kitchen.says("state", json.dumps({"online": False, "boot": 2, "connection": 9}).encode())
    kitchen.state(4)
    assert bench.next(StateSeen).state.boot == 4  # the will of a boot that is over came to nothing
    kitchen.close()


def test_state_that_is_shown_has_the_channel_that_the_fleet_says(nats: Bench):
    kitchen = Kitchen(nats)
    kitchen.state(1)
    assert nats.next(StateSeen).state.channel == "tls"
    kitchen.close()


def test_replays_that_a_broker_marks_as_redelivered_are_counted(nats: Bench):
    mote = SealingMote(nats.fleet, "cellar")
    zone = next(zone for zone in nats.gateway._zones if zone.access.zone == CLEAR)
    payload = mote.up()
    for again in (False, True, True):
        message = Message("clear", "sealed", "sealed/cellar/up", payload, redelivered=again)
        nats.gateway._inbox.arrived(zone, message, Receipt(0, 1, -1))
    nats.next(RecordSeen)
    nats.quiet()
    assert nats.gateway.redelivered == {"cellar": 2}


def test_command_that_was_open_when_the_gateway_ended_is_unknown_at_the_next_start(nats: Bench):
    kitchen = Kitchen(nats)
    nats.gateway.send("kitchen", "relay", True)
    until(lambda: nats.rows("SELECT result FROM commands") == [(None,)])
    nats.gateway.stop()
    nats.gateway = nats.start_gateway()
    assert nats.rows("SELECT result, why FROM commands") == [("unknown", "the gateway ended before an answer")]
    kitchen.close()


@pytest.mark.skipif(os.name != "posix", reason="modes and limits of POSIX")
def test_store_is_for_its_owner_alone_and_no_core_is_dumped(nats: Bench):
    import resource

    files = list(nats.folder.glob("g.db*"))
    assert len(files) >= 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)


def test_broker_that_refuses_the_gateway_later_on_is_told_to_whoever_checks(nats: Bench):
    nats.gateway.check()
    configuration = nats.folder / "broker" / "trusted.conf"
    true = configuration.read_text()
    nats.broker.stop()
    configuration.write_text(true.replace(f"CN={identity.GATEWAY_HOME}", "CN=somebody"))
    nats.broker.start()
    with pytest.raises(IronmoteError, match="zone home: its broker refuses"):
        keep_checking(nats)
    nats.broker.stop()
    configuration.write_text(true)
    nats.broker.start()
    until(lambda: not zone_troubles(nats))
    kitchen = Kitchen(nats)
    kitchen.record(1)
    wait_for(nats, RecordSeen)
    kitchen.close()


def keep_checking(bench: Bench) -> None:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        bench.gateway.check()
        time.sleep(0.05)


def zone_troubles(bench: Bench) -> bool:
    try:
        bench.gateway.check()
    except IronmoteError:
        return True
    return False
