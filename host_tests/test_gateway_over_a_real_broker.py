"""Gateway, real broker and real MQTT clients: records in, commands out, replays refused, a restart survived."""

import contextlib
import queue
import threading
import time
from pathlib import Path

import pytest
from gateway_motes import SealingMote, a_fleet
from ironmote.brokers import Broker
from ironmote.brokers.mosquitto import MosquittoBroker, find_mosquitto
from ironmote.brokers.nats import NatsBroker
from ironmote.certificates import Authority
from ironmote.errors import MissingTool
from ironmote.gateway import CommandEnded, Gateway, MessageRefused, MoteConfirmed, RecordSeen, StateSeen
from ironmote.gateway.members import members_of
from mote import command
from mote.command import CHALLENGE
from paho.mqtt import client as mqtt


class Client:
    """A sealed mote's connection: what a board does with umqtt, done with paho."""

    def __init__(self, broker: Broker, fleet, mote: SealingMote) -> None:
        self.mote = mote
        self.downs: queue.Queue[bytes] = queue.Queue()
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=mote.id)
        self._client.username_pw_set(mote.id, fleet.motes[mote.id].static_password(fleet.id))
        self._client.will_set(f"sealed/{mote.id}/state", mote.will(), qos=1)
        ready = threading.Event()
        self._client.on_connect = lambda *_: self._client.subscribe(f"sealed/{mote.id}/down", qos=1)
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.on_message = lambda _, __, message: self._take(message.payload)
        self._client.connect(broker.clear.host, broker.clear.port)
        self._client.loop_start()
        assert ready.wait(10)

    def _take(self, payload: bytes) -> None:
        """Answer a challenge as every mote does; keep what else comes."""
        order, _ = self.mote.open_command(payload)
        if order.name != CHALLENGE:
            self.downs.put(payload)
            return
        self._client.publish(f"sealed/{self.mote.id}/ack", self.mote.answer(order, command.DONE, order.value), qos=1)

    def publish(self, leaf: str, payload: bytes) -> None:
        self._client.publish(f"sealed/{self.mote.id}/{leaf}", payload, qos=1).wait_for_publish(10)

    def vanish(self) -> None:
        """Break the connection with no DISCONNECT, so that the broker releases the will."""
        self._client.loop_stop()
        self._client.socket().close()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Bench:
    def __init__(self, kind, folder: Path) -> None:
        self.folder = folder
        self.fleet = a_fleet()
        self.authority = Authority.create()
        self.broker = kind(self.fleet, self.authority, folder / "broker")
        self.broker.start()
        self.events: queue.Queue = queue.Queue()
        self.gateway = self.start_gateway()

    def start_gateway(self) -> Gateway:
        gateway = Gateway(
            self.fleet.id, members_of(self.fleet), self.broker.gateway, self.folder / "g.db", self.events.put
        )
        gateway.start()
        return gateway

    def next(self, kind):
        event = self.events.get(timeout=10)
        if isinstance(event, MoteConfirmed) and kind is not MoteConfirmed:  # it comes when the mote's answer does
            event = self.events.get(timeout=10)
        assert isinstance(event, kind), event
        return event

    def quiet(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                event = self.events.get(timeout=0.7)
                assert isinstance(event, MoteConfirmed), event


@pytest.fixture(params=[NatsBroker, MosquittoBroker], ids=["nats", "mosquitto"])
def bench(request, tmp_path: Path):
    if request.param is MosquittoBroker:
        try:
            find_mosquitto()
        except MissingTool as error:
            pytest.skip(str(error))
    bench = Bench(request.param, tmp_path)
    yield bench
    bench.gateway.stop()
    bench.broker.stop()


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
