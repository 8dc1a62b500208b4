"""Sealed motes that really run: MicroPython on simulated boards, a real broker, a gateway, and a link that can lose."""

import contextlib
import json
import socket
import struct
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from ironmote import boards, provision
from ironmote.brokers import Endpoint
from ironmote.brokers.nats import NatsBroker
from ironmote.certificates import Authority
from ironmote.demo.wire import Direction, Kind, Packet, Splitter
from ironmote.fleet import CLEAR, Fleet
from ironmote.gateway import Gateway
from ironmote.gateway.members import members_of
from ironmote.simulate import SimulatedMote
from mote import rtc, sealed
from mote.ledger import Ledger

WAIT_S = 90.0


class Link:
    """A mote's way to its broker. `judge(direction, packet)` is asked of each packet whether it may pass."""

    def __init__(self, target: Endpoint) -> None:
        self.target = target
        self.judge: Callable[[Direction, Packet], bool] = lambda direction, packet: True
        self.packets: list[tuple[Direction, Packet]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Break every connection."""
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def sealed(self) -> list[tuple[Direction, bytes]]:
        """Every sealed message that was tried to send, wills among them."""
        with self._lock:
            packets = list(self.packets)
        found = []
        for direction, packet in packets:
            if packet.kind is Kind.MQTT_PUBLISH:
                found.append((direction, payload_of(packet.data)))
            elif packet.kind is Kind.MQTT_CONNECT:
                found.append((direction, will_of(packet.data)))
        return found

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                try:
                    far = socket.create_connection((self.target.host, self.target.port), 5)
                except OSError:
                    near.close()
                    continue
                self._sockets += [near, far]
                splitter = Splitter()
                for direction, source, sink in ((Direction.UP, near, far), (Direction.DOWN, far, near)):
                    threading.Thread(target=self._relay, args=(direction, source, sink, splitter), daemon=True).start()

    def _relay(self, direction: Direction, source: socket.socket, sink: socket.socket, splitter: Splitter) -> None:
        with contextlib.suppress(OSError):
            source.settimeout(None)
            while data := source.recv(16384):
                for packet in splitter.feed(direction, data):
                    with self._lock:
                        self.packets.append((direction, packet))
                    if self.judge(direction, packet):
                        sink.sendall(packet.data)
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


def _body(packet: bytes) -> int:
    at = 1
    while packet[at] & 0x80:
        at += 1
    return at + 1


def payload_of(packet: bytes) -> bytes:
    """The payload of a PUBLISH at QoS 1."""
    at = _body(packet)
    return packet[at + 2 + struct.unpack_from(">H", packet, at)[0] + 2 :]


def will_of(packet: bytes) -> bytes:
    """The message that a CONNECT leaves as its will."""
    at = _body(packet) + 10
    for _ in range(2):
        at += 2 + struct.unpack_from(">H", packet, at)[0]
    return packet[at + 2 : at + 2 + struct.unpack_from(">H", packet, at)[0]]


def check_never_repeated(messages) -> set[bytes]:
    """Assert that no two different messages share key and nonce; return the epochs that were seen."""
    by_nonce = defaultdict(set)
    for _, message in messages:
        envelope = sealed.parse(message, sealed.MAX_UP)
        by_nonce[envelope.epoch, envelope.kid, envelope.sequence].add(bytes(message))
    assert by_nonce
    repeated = [key for key, different in by_nonce.items() if len(different) > 1]
    assert not repeated, repeated
    return {key[0] for key in by_nonce}


class Stage:
    """A fleet of sealed motes, its broker and its gateway. Motes are made and started one by one."""

    def __init__(
        self, folder: Path, names: tuple[str, ...] = ("cellar",), board: str = "esp8266", connect: str = "static"
    ) -> None:
        self.folder = folder
        self.fleet = Fleet.create()
        for name in names:
            mote = self.fleet.add(name, board)
            mote.channel, mote.zone = "sealed", CLEAR
            mote.connect = connect
        self.authority = Authority.create()
        self.broker = NatsBroker(self.fleet, self.authority, folder / "broker")
        self.broker.start()
        self.events: list = []
        self._changed = threading.Condition()
        self.gateway: Gateway | None = None
        self.motes: dict[str, SimulatedMote] = {}
        self.links = {name: Link(self.broker.clear) for name in names}

    def close(self) -> None:
        for mote in self.motes.values():
            mote.stop()
        if self.gateway is not None:
            self.gateway.stop()
        for link in self.links.values():
            link.close()
        self.broker.stop()

    def start_gateway(self, store: str = "g.db") -> Gateway:
        self.gateway = Gateway(
            self.fleet.id, members_of(self.fleet), self.broker.gateway, self.folder / store, self._hear
        )
        self.gateway.start()
        return self.gateway

    def stop_gateway(self) -> None:
        assert self.gateway is not None
        self.gateway.stop()
        self.gateway = None

    def mote(
        self,
        name: str = "cellar",
        world: dict | None = None,
        profile: boards.Profile | None = None,
        faults: bool = False,
        longest_sleep_s: float = 1,
        speed: int = 1,
        **settings,
    ) -> SimulatedMote:
        """A mote on its board, as provisioned; not yet switched on."""
        of = self.fleet.motes[name]
        profile = profile or boards.load(of.board)
        fields = {
            "v": 1, "mote": name, "fleet": self.fleet.id, "board": of.board, "zone": CLEAR,
            "generation": of.generation, "channel": "sealed", "floor": "sealed", "room": profile.room,
            "wifi": {"ssid": "home"}, "broker": {"host": "127.0.0.1", "port": self.links[name].port, "name": "x"},
            "connect": of.connect, "keepalive_s": 30, "timeout_ms": 2000, "sample_ms": 300, "command_age_s": 60,
            "clock_floor": 1760000000, "ntp": "", "i2c": {"sda": 4, "scl": 5, "freq_hz": 100000}, "onewire": None,
            "sensors": [{"kind": "bh1750", "address": 35, "names": {"illuminance": "light"}}],
            "actuators": [{"kind": "relay", "name": "relay", "pin": 12, "safe": 0}], "led": None, "outbox": 32,
        }  # fmt: skip
        secrets = provision.secrets_for(of, b"password")
        made = SimulatedMote(
            profile, fields | settings, secrets, {}, self.folder / name, world,
            faults=faults, longest_sleep_s=longest_sleep_s, speed=speed,
        )  # fmt: skip
        made.build()
        self.motes[name] = made
        return made

    def _hear(self, event) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def of(self, kind, name: str = "cellar") -> list:
        return [event for event in list(self.events) if isinstance(event, kind) and event.mote == name]

    def wait(self, condition: Callable[[], object], within_s: float = WAIT_S):
        """Wait for `condition` to give something true, and give it."""
        deadline = time.monotonic() + within_s
        while True:
            found = condition()
            if found:
                return found
            left = deadline - time.monotonic()
            assert left > 0, self._story()
            with self._changed:
                self._changed.wait(min(left, 0.1))

    def _story(self) -> str:
        lines = [f"{name}| {line}" for name, mote in self.motes.items() for line in mote.console[-25:]]
        return "\n".join(["it did not happen", *lines, *map(repr, self.events[-8:])])


def vault_file(mote: SimulatedMote, name: str) -> Path:
    """Where a mote's board keeps a secret."""
    return mote.folder / (f"nvs/ironmote/{name}.blob" if mote.profile.nvs else f"flash/secrets/{name}")


def records_taken(mote: SimulatedMote) -> dict[tuple[int, int], int]:
    """How many records a mote took in each of its last boots, by (generation, boot), as its RTC memory has it.

    Empty while the board has just lost its power.
    """
    try:
        memory = (mote.folder / "rtc").read_bytes()[8:]
    except FileNotFoundError:
        return {}
    chip = bytes.fromhex(json.loads((mote.folder / "board.json").read_text())["unique_id"])
    rows = Ledger(rtc.Memory(lambda: memory), chip).rows
    return {(generation, boot): number for generation, boot, number in rows}
