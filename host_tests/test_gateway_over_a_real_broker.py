"""Gateway, real broker and real MQTT clients: records in, commands out, replays refused, a restart survived."""

import time

from gateway_bench import Bench, Client
from gateway_motes import SealingMote
from ironmote.gateway import CommandEnded, MessageRefused, MoteConfirmed, RecordSeen, StateSeen
from mote import command


def test_records_commands_and_wills_cross_a_real_broker(bench: Bench):
    mote = SealingMote(bench.fleet, "cellar")
    client = Client(bench.broker, bench.fleet, mote)

    message = mote.up()
    client.publish("up", message)
    seen = bench.next(RecordSeen)
    assert (seen.mote, seen.channel, seen.boot, seen.number) == ("cellar", "sealed", 1, 1)
    assert [reading.value for reading in seen.readings] == [23.7, 585]
    assert not seen.confirmed

    assert bench.next(MoteConfirmed).mote == "cellar"

    client.publish("up", message)
    assert "already taken" in bench.next(MessageRefused).why

    client.publish("state", mote.state(channel="sealed", why="no TLS here"))
    assert bench.next(StateSeen).state.why == "no TLS here"

    bench.gateway.send("cellar", "dimmer", 40)
    order, _ = mote.open_command(client.downs.get(timeout=10))
    client.publish("ack", mote.answer(order, command.DONE, 40))
    ended = bench.next(CommandEnded)
    assert (ended.mote, ended.name, ended.result, ended.value) == ("cellar", "dimmer", "done", 40)

    client.vanish()
    assert bench.next(StateSeen).state.online is False


def test_what_arrived_while_the_gateway_was_away_is_taken_once(bench: Bench):
    mote = SealingMote(bench.fleet, "cellar")
    client = Client(bench.broker, bench.fleet, mote)
    client.publish("up", first := mote.up())
    bench.next(RecordSeen)
    bench.gateway.stop()

    client.publish("up", mote.up())
    client.publish("up", first)
    bench.gateway = bench.start_gateway()
    assert bench.next(RecordSeen).number == 2
    assert "already taken" in bench.next(MessageRefused).why
    bench.quiet()
    client.close()


def test_hundreds_of_records_arrive_in_order_and_none_is_lost(bench: Bench):
    mote = SealingMote(bench.fleet, "cellar")
    client = Client(bench.broker, bench.fleet, mote)
    began = time.monotonic()
    for _ in range(500):
        client.publish("up", mote.up())
    numbers = [bench.next(RecordSeen).number for _ in range(500)]
    print(f"500 records in {time.monotonic() - began:.2f} s")
    assert numbers == list(range(1, 501))
    bench.gateway.stop()
    assert bench.gateway.lost == {"cellar": 0}
    client.close()


def test_listener_that_raises_loses_no_record_and_is_told_none_twice(bench: Bench, caplog):
    tell, told = bench.events.put, []

    def stumbling(event) -> None:
        if isinstance(event, RecordSeen):
            told.append(event.number)
            if event.number % 2:
                raise RuntimeError("the listener's own trouble")
        tell(event)

    bench.gateway.stop()
    bench.events.put = stumbling  # type: ignore[method-assign]
    bench.gateway = bench.start_gateway()
    mote = SealingMote(bench.fleet, "cellar")
    client = Client(bench.broker, bench.fleet, mote)
    for _ in range(20):
        client.publish("up", mote.up())
    numbers = [bench.next(RecordSeen).number for _ in range(10)]
    bench.gateway.check()
    bench.gateway.stop()
    bench.gateway = bench.start_gateway()  # what was not acknowledged would come again now
    client.publish("up", mote.up())
    client.publish("up", mote.up())
    assert bench.next(RecordSeen).number == 22
    bench.quiet()
    client.close()
    assert numbers == list(range(2, 21, 2))
    assert told == list(range(1, 23))
    assert bench.rows("SELECT number FROM records ORDER BY number") == [(number,) for number in range(1, 23)]
    failures = [each for each in caplog.records if each.name == "ironmote.gateway.gateway"]
    assert [each.getMessage() for each in failures] == ["a listener failed at a RecordSeen of cellar"] * 11
