"""A gateway at a real broker, and sealed motes that reach it by real MQTT clients."""

import contextlib
import queue
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

from gateway_motes import SealingMote, a_fleet
from ironmote.brokers import Broker
from ironmote.certificates import Authority
from ironmote.gateway import Gateway, MoteConfirmed
from ironmote.gateway.members import members_of
from mote import command, sealed
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
        """Answer a challenge as every mote does; keep what else comes. What is for another boot does not open."""
        if sealed.parse(payload, sealed.MAX_DOWN).epoch != self.mote.epoch:
            return
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
    """A fleet, its broker and its gateway; `events` has what the gateway told."""

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

    def rows(self, query: str) -> list:
        """What the gateway's store answers."""
        with contextlib.closing(sqlite3.connect(self.folder / "g.db")) as db:
            return db.execute(query).fetchall()


@contextlib.contextmanager
def running(kind: type, folder: Path) -> Iterator[Bench]:
    """A Bench at a broker of this kind, ended whatever happens."""
    bench = Bench(kind, folder)
    try:
        yield bench
    finally:
        bench.gateway.stop()
        bench.broker.stop()
