"""A mote on every channel, a broker that is killed for longer than RAM can hold: each record is stored once, or lost.

Mosquitto writes what it has to remember every two seconds: killed, it forgets what it has acknowledged since. What is
missing so is counted as lost; NATS keeps all.
"""

import signal
import threading
import time
from collections import Counter

import pytest
import real_brokers
from channel_motes import ChannelMote, add
from ironmote.brokers import endpoint
from ironmote.brokers.nats import NatsBroker
from ironmote.certificates import Authority
from ironmote.fleet import Fleet
from ironmote.gateway import Gateway, RecordSeen
from ironmote.gateway.members import members_of
from mote.channel import CHANNELS
from running import records_taken

pytestmark = pytest.mark.long

ON_NATS = ("tls+sealed", "tls", "sealed")
FAST = {"sample_ms": 200, "timeout_ms": 2000, "outbox": 4, "keep_s": 2}
OUT = 30  # records
WAIT_S = 120


@pytest.mark.parametrize("make", [pytest.param(make, id=make.__name__) for make in real_brokers.BOTH["params"]])
def test_records_of_an_outage_are_stored_once_each(make, tmp_path):
    real_brokers.require(make)
    channels = ON_NATS if make is NatsBroker else CHANNELS
    fleet, authority = Fleet.create(), Authority.create()
    for channel in channels:
        add(fleet, channel.replace("+", "-"), channel)
    broker = make(fleet, authority, tmp_path / "broker")
    seen: dict[str, list[RecordSeen]] = {mote: [] for mote in fleet.motes}
    changed = threading.Condition()

    def hear(event):
        with changed:
            if isinstance(event, RecordSeen):
                seen[event.mote].append(event)
            changed.notify_all()

    def wait(condition):
        deadline = time.monotonic() + WAIT_S
        with changed:
            while not condition():
                left = deadline - time.monotonic()
                assert left > 0, [(name, each.board.console[-12:]) for name, each in motes.items()]
                changed.wait(min(left, 0.1))

    gateway = Gateway(fleet.id, members_of(fleet), broker.gateway, tmp_path / "gateway.db", hear)
    motes: dict[str, ChannelMote] = {}
    try:
        broker.start()
        gateway.start()
        for mote in fleet.motes.values():
            port = endpoint(broker, mote).port
            motes[mote.id] = ChannelMote(fleet, mote, authority, port, tmp_path / mote.id, **FAST)
            motes[mote.id].board.start()
        wait(lambda: all(len(each) > 2 for each in seen.values()))
        for process in broker.processes if make is NatsBroker else [broker._process]:
            process._process.send_signal(signal.SIGKILL)
            process.stop()
        begun = {name: sum(records_taken(each.board).values()) for name, each in motes.items()}
        wait(lambda: all(sum(records_taken(motes[name].board).values()) > begun[name] + OUT for name in motes))
        for name, mote in motes.items():
            assert list((mote.board.folder / "flash" / "backlog").glob("*")), name
        broker.start()
        end = {name: sum(records_taken(each.board).values()) for name, each in motes.items()}
        wait(lambda: all(max(each.number for each in seen[name]) > end[name] for name in motes))
        wait(lambda: not any(list((each.board.folder / "flash" / "backlog").glob("*")) for each in motes.values()))
        if make is NatsBroker:
            wait(lambda: all(set(range(1, end[name] + 1)) <= {each.number for each in seen[name]} for name in motes))
        for each in motes.values():
            each.board.stop()
        gateway.stop()
        for name, events in seen.items():
            numbers = {each.number for each in events}
            assert gateway.lost[name] == max(numbers) - len(numbers), name
        for name, events in seen.items():
            assert max(Counter(each.number for each in events).values()) == 1, name
            assert {each.boot for each in events} == {1}, name
            assert all(each.taken is not None for each in events), name
    finally:
        for each in motes.values():
            each.board.stop()
        gateway.stop()
        broker.stop()
