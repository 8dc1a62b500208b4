"""The watchdog of running motes: no broker for too long or a program that hangs is a fresh start, health never is."""

import json
import threading
import time
from contextlib import suppress

import pytest
from channel_motes import ChannelMote, add
from hostile import Listener
from hostile_broker import PINGREQ, Session, plays
from ironmote.brokers.nats import NatsBroker
from ironmote.certificates import Authority
from ironmote.fleet import Fleet
from ironmote.gateway import Gateway, RecordSeen, StateSeen
from ironmote.gateway.members import members_of
from running import Stage

pytestmark = pytest.mark.long

WITHIN_S = 120.0
GRACE_S = 8
QUICK = {"keepalive_s": 5, "timeout_ms": 1000, "sample_ms": 500, "watchdog_s": GRACE_S}
BOARDS = ("esp8266", "esp32")
LOST = f"watchdog: no broker for {GRACE_S} s"


class Site:
    def __init__(self, tmp_path):
        self.fleet, self.authority = Fleet.create(), Authority.create()
        self.folder = tmp_path
        self.closes = []

    def mote(self, port, board="esp8266", channel="sealed", **change):
        of = add(self.fleet, board, channel, board)
        made = ChannelMote(self.fleet, of, self.authority, port, self.folder / board, **(QUICK | change))
        made.put("{}")
        self.closes.insert(0, made.board.stop)
        return made

    def listens(self, behave):
        made = Listener(behave)
        self.closes.append(made.close)
        return made

    def close(self):
        for close in self.closes:
            close()


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path)
    yield made
    made.close()


def hears(mote, words, times=1):
    assert mote.waits(lambda: mote.said(words) >= times, WITHIN_S), "\n".join(mote.lines)


def serves(session, number):
    for _ in session.uplinks():
        pass


def admits(answer):
    """Accept the session and the subscription; to all else answer this: nothing, or a ping's answer out of place."""

    def script(session, number):
        session.take()
        session.send(b"\x20\x02\0\0")
        _, body = session.take()
        session.send(b"\x90\x03" + body[:2] + b"\x01")
        while True:
            session.take()
            session.send(answer)

    return script


def test_broker_away_for_longer_than_the_grace_is_a_fresh_start_that_says_so(site):
    broker = site.listens(None)
    motes = [site.mote(broker.port, board) for board in BOARDS]
    for mote in motes:
        mote.board.start()
    for mote in motes:
        hears(mote, "mote: started by " + LOST)
        assert mote.said("starting anew: " + LOST) >= 1
        assert mote.said("not fed in time") == 0, "it reset itself before the chip's watchdog had to"
    broker.become(plays(serves))
    for mote in motes:
        hears(mote, "connected, session 1")
        mote.board.stop()
        mote.board.start()
        hears(mote, "mote: started by power on", 2)


def test_sessions_without_an_acknowledgement_of_something_prove_nothing(site):
    motes = [
        site.mote(site.listens(plays(admits(answer))).port, board)
        for board, answer in zip(BOARDS, (b"", b"\xd0\0\xd0\0"), strict=True)
    ]
    for mote in motes:
        mote.board.start()
    for mote in motes:
        hears(mote, "mote: started by " + LOST)
        assert mote.said("connected, session") >= 1


def test_quiet_motes_whose_pings_are_answered_are_never_reset(site):
    pings = []

    def counts(board):
        def script(session, number):
            take = session.take

            def counted():
                kind, body = take()
                if kind == PINGREQ:
                    pings.append(board)
                return kind, body

            session.take = counted
            serves(session, number)

        return plays(script)

    motes = [site.mote(site.listens(counts(board)).port, board, sample_ms=3_600_000) for board in BOARDS]
    for mote in motes:
        mote.board.start()
    for mote, board in zip(motes, BOARDS, strict=True):
        # A ping each 2.5 s of quiet: more than a grace passes, in which nothing else is acknowledged.
        assert mote.waits(lambda board=board: pings.count(board) >= 5, WITHIN_S), "\n".join(mote.lines)
        assert mote.board.restarts == 0
        assert mote.said("connected, session") == 1


def test_quiet_mote_that_a_broker_talks_to_without_end_still_pings_and_is_never_reset(site):
    pings = []

    def script(session, number):
        take = session.take

        def counted():
            kind, body = take()
            if kind == PINGREQ:
                pings.append(number)
            return kind, body

        def talks():
            with suppress(OSError):
                while True:
                    session.publish(b"sealed/esp32/down", b"nothing that verifies")
                    time.sleep(0.3)

        session.take = counted
        for topic, _ in session.uplinks():
            if topic.endswith(b"/state"):
                threading.Thread(target=talks, daemon=True).start()

    mote = site.mote(site.listens(plays(script)).port, "esp32", sample_ms=3_600_000)
    mote.board.start()
    # A ping each 2.5 s: more than a grace passes, in which nothing else proves that the broker takes what is sent.
    assert mote.waits(lambda: pings.count(1) >= 5, WITHIN_S), "\n".join(mote.lines)
    assert mote.board.restarts == 0


def test_busy_mote_is_never_reset(site):
    records = []

    def script(session: Session, number):
        for topic, _ in session.uplinks():
            records.append(topic)

    mote = site.mote(site.listens(plays(script)).port)
    mote.board.start()
    assert mote.waits(lambda: len(records) >= 3 * GRACE_S, WITHIN_S)
    assert mote.board.restarts == 0


def test_programs_that_hang_are_reset_by_the_chip_and_say_so(site):
    motes = [site.mote(site.listens(plays(serves)).port, board, watchdog_s=600) for board in BOARDS]
    for mote in motes:
        mote.board.start()
    for mote in motes:
        hears(mote, "connected, session 1")
        mote.put(json.dumps({"bh1750": "hung"}))
    for mote in motes:
        hears(mote, "watchdog: not fed in time, reset")
        mote.put("{}")
        hears(mote, "mote: started by watchdog: the program hung")
        hears(mote, "connected, session 1", 2)


def test_mote_without_a_watchdog_waits_for_its_broker_and_has_none_started(site):
    broker = site.listens(None)
    mote = site.mote(broker.port, watchdog_s=0, sample_ms=100)
    mote.board.start()
    hears(mote, "nobody listens there", 6)  # longer than the grace of the others
    assert mote.board.restarts == 0
    assert not (mote.board.folder / "wdt").exists()


def test_sessions_that_find_no_memory_are_a_fresh_start_after_some(site):
    listeners = [site.listens(plays(serves)) for _ in range(4)]
    brokers = [{"host": "127.0.0.1", "port": each.port, "name": "localhost"} for each in listeners]
    mote = site.mote(listeners[0].port, "esp32", "tls", broker=brokers, watchdog_s=600)
    mote.put(json.dumps({"tls": "memory_error"}))
    mote.board.start()
    hears(mote, "link: failed: MemoryError", 8)
    hears(mote, "mote: started by watchdog: no memory for a session")
    assert mote.said("starting anew") == 1


def test_sessions_that_find_no_memory_reset_no_mote_without_a_watchdog_and_the_next_that_finds_some_works(site):
    broker = site.listens(plays(serves))
    brokers = [{"host": "127.0.0.1", "port": broker.port, "name": "localhost"}] * 4
    mote = site.mote(broker.port, "esp32", "tls", broker=brokers, watchdog_s=0)
    mote.put(json.dumps({"tls": "memory_error"}))
    mote.board.start()
    hears(mote, "link: failed: MemoryError", 14)
    assert mote.board.restarts == 0
    assert mote.said("starting anew") == 0


def test_next_status_gives_the_reason_and_which_broker_failed(site):
    of = add(site.fleet, "cellar", "sealed", "esp8266")
    of.actuators[0]["pin"] = 12
    broker = NatsBroker(site.fleet, site.authority, site.folder / "broker")
    states = []
    gateway = Gateway(
        site.fleet.id, members_of(site.fleet), broker.gateway, site.folder / "gateway.db",
        lambda event: states.append(event.state) if isinstance(event, StateSeen) else None,
    )  # fmt: skip
    broker.start()
    gateway.start()
    ports = [site.listens(None).port, broker.clear.port]
    change = {"broker": [{"host": "127.0.0.1", "port": port, "name": "localhost"} for port in ports]}
    mote = ChannelMote(site.fleet, of, site.authority, ports[0], site.folder / "cellar", **(QUICK | change))
    site.closes += [mote.board.stop, gateway.stop, broker.stop]
    mote.put(json.dumps({"wifi": "gone"}))
    mote.board.start()
    hears(mote, "mote: started by " + LOST)
    mote.put("{}")
    assert mote.waits(lambda: any(state.online for state in list(states)), WITHIN_S), "\n".join(mote.lines)
    found = next(state for state in states if state.online)
    assert found.reset == LOST
    assert found.failures == (1, 0), "the first of its brokers was not there"


def test_records_taken_while_the_broker_was_away_arrive_after_the_reset(tmp_path):
    stage = Stage(tmp_path)
    try:
        stage.start_gateway()
        change = {name: value for name, value in QUICK.items() if name != "sample_ms"}
        mote = stage.mote(**change, outbox=8, keep_s=0)
        mote.start()
        stage.wait(lambda: stage.of(RecordSeen))
        stage.links["cellar"].judge = lambda direction, packet: False
        cut = max(record.number for record in stage.of(RecordSeen))
        stage.wait(lambda: any("mote: started by " + LOST in line for line in mote.console))
        stage.links["cellar"].judge = lambda direction, packet: True
        stage.wait(lambda: len([1 for record in stage.of(RecordSeen) if record.boot == 1 + mote.restarts]) >= 5)
        numbers = {record.number for record in stage.of(RecordSeen) if record.boot == 1}
        assert numbers == set(range(1, max(numbers) + 1))
        assert max(numbers) > cut + 8, "more were taken than RAM holds"
        assert stage.gateway.lost.get("cellar", 0) == 0
    finally:
        stage.close()
