"""A real Mosquitto with the rights of a fleet, one client that publishes for all motes, and programs that listen."""

import os
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ironmote import secret_files
from ironmote.brokers import GatewayAccess
from ironmote.brokers.mosquitto import MosquittoBroker
from ironmote.certificates import Authority
from ironmote.fleet import CLEAR, Fleet
from ironmote.roles import Role
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

_PUBLISHER = "load"
_WAIT_S = 60.0
_TICKS = os.sysconf("SC_CLK_TCK")
_AHEAD = 2_000  # messages that the broker has not acknowledged


@dataclass(frozen=True)
class Door:
    """How one user comes to the trusted listener, which it does with a certificate."""

    host: str
    port: int
    name: str
    ca: Path
    cert: Path
    key: Path

    def client(self, name: str = "", **options: bool) -> mqtt.Client:
        """A client that has not connected."""
        client = mqtt.Client(CallbackAPIVersion.VERSION2, name or self.name, protocol=mqtt.MQTTv311, **options)
        context = ssl.create_default_context(cafile=str(self.ca))
        context.load_cert_chain(self.cert, self.key)
        client.tls_set_context(context)
        return client


class Site:
    """A broker for users of these names, who may hear everything that motes say."""

    def __init__(self, folder: Path, listeners: Iterable[str]) -> None:
        fleet, self._authority = Fleet.create(), Authority.create()
        upward = tuple(f"{prefix}/+/{leaf}" for prefix in ("sealed", "mote") for leaf in ("up", "ack", "state"))
        fleet.users[_PUBLISHER] = Role(_PUBLISHER, "every mote at once", upward, ("sealed/+/down",))
        for name in listeners:
            fleet.users[name] = Role(name, "hears every mote", (), ("sealed/+/+", "mote/+/+"))
        self._folder = folder
        # It is no part of what is measured how a broker keeps 100,000 passwords: motes come in as one.
        self.broker = MosquittoBroker(fleet, self._authority, folder / "broker")
        self.broker.start()

    def door(self, name: str) -> Door:
        """The way in for a user; writes its certificate."""
        credential = self._authority.issue(name)
        secret_files.make_folder(self._folder / "users")
        files = [
            secret_files.write(self._folder / "users" / f"{name}.{kind}", data)
            for kind, data in (
                ("ca", self._authority.ca_pem),
                ("pem", credential.cert_pem),
                ("key", credential.key_pem),
            )
        ]
        return Door(self.broker.trusted.host, self.broker.trusted.port, name, *files)

    @property
    def clear(self) -> list[GatewayAccess]:
        """How a gateway hears sealed motes, and nobody else."""
        return [access for access in self.broker.gateway if access.zone == CLEAR]

    def close(self) -> None:
        """End the broker."""
        self.broker.stop()


class Publisher:
    """Says what motes say; `answer(mote, payload)` gives what a mote answers to a downlink, or None."""

    def __init__(self, site: Site, answer: Callable[[str, bytes], bytes | None]) -> None:
        door = site.door(_PUBLISHER)
        self._answer = answer
        self._room = threading.Semaphore(_AHEAD)
        ready = threading.Event()
        self._client = door.client()
        self._client.max_inflight_messages_set(_AHEAD)
        self._client.on_connect = lambda *_: self._client.subscribe("sealed/+/down", 1)
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.on_publish = lambda *_: self._room.release()
        self._client.on_message = lambda _, __, message: self._heard(message)
        self._client.connect(door.host, door.port)
        self._client.loop_start()
        if not ready.wait(_WAIT_S):
            raise SystemExit("the broker does not let the load in")

    def send(self, topic: str, payload: bytes) -> None:
        """Publish at QoS 1, in order; waits while the broker is far behind."""
        self._room.acquire()
        self._client.publish(topic, payload, 1)

    def settle(self) -> None:
        """Wait until the broker has everything."""
        for _ in range(_AHEAD):
            self._room.acquire()
        self._room.release(_AHEAD)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _heard(self, message: mqtt.MQTTMessage) -> None:
        mote = message.topic.split("/")[1]
        answer = self._answer(mote, message.payload)
        if answer is not None:
            self._room.acquire(blocking=False)
            self._client.publish(f"sealed/{mote}/ack", answer, 1)


def cpu_s(pid: int) -> float:
    """Seconds of a processor that a process has used, in and for it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident(pid: int) -> int:
    """Bytes of memory that a process has for itself."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) * 1024
    return 0


def wait_until(true: Callable[[], bool], what: str, within_s: float = _WAIT_S) -> None:
    """Wait for something. SystemExit where it does not come."""
    until = time.monotonic() + within_s
    while not true():
        if time.monotonic() > until:
            raise SystemExit(f"{what} did not come within {within_s:.0f} s")
        time.sleep(0.05)
