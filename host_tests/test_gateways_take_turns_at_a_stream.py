"""A gateway at NATS's own stream: what motes say by MQTT comes through it, once, and waits while nobody is there.

`prove_gateways_take_turns.py` kills one of two.
"""

import pytest
from gateway_bench import Bench, Client, running
from gateway_motes import SealingMote
from ironmote.brokers import subjects
from ironmote.brokers.nats import NatsBroker
from ironmote.gateway import CommandEnded, MoteConfirmed, RecordSeen, StateSeen
from mote import command


class InTurn(NatsBroker):
    def __init__(self, fleet, authority, folder) -> None:
        super().__init__(fleet, authority, folder, stream=True)


@pytest.fixture
def bench(tmp_path):
    with running(InTurn, tmp_path) as bench:
        yield bench


def test_records_commands_and_wills_cross_a_stream(bench: Bench):
    mote = SealingMote(bench.fleet, "cellar")
    client = Client(bench.broker, bench.fleet, mote)
    client.publish("up", mote.up())
    assert bench.next(RecordSeen).number == 1
    assert bench.next(MoteConfirmed).mote == "cellar"
    bench.gateway.send("cellar", "dimmer", 40)
    order, _ = mote.open_command(client.downs.get(timeout=10))
    client.publish("ack", mote.answer(order, command.DONE, 40))
    assert bench.next(CommandEnded).result == "done"
    client.vanish()
    assert bench.next(StateSeen).state.online is False

    # What comes while nobody has a turn waits, in its order, and comes once.
    bench.gateway.stop()
    client = Client(bench.broker, bench.fleet, mote)
    for _ in range(300):
        client.publish("up", mote.up())
    bench.gateway = bench.start_gateway()
    assert [bench.next(RecordSeen).number for _ in range(300)] == list(range(2, 302))
    client.close()
    bench.gateway.stop()
    assert bench.gateway.lost == {"cellar": 0}


def test_gateway_that_takes_a_turn_may_change_no_other_stream():
    granted = subjects.of_stream(subjects.Rights(("sealed/+/down",), ()))
    named = [each for each in granted.publish if each.startswith("$JS.")]
    assert all(subjects.STREAM in each for each in named)
    assert not [each for each in granted.publish if "DELETE" in each or "PURGE" in each or each.startswith("$JS.API.>")]
    assert granted.subscribe == ["_INBOX.>"]
