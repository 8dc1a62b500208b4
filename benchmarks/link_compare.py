"""The mote's link beside two other ways to speak MQTT: readings a second on a slow link, and what outages cost.

    python benchmarks/link_compare.py

All three run under MicroPython through the same link to the same Mosquitto, one after the other: the mote (sealed),
a client that has one message in flight (asyncio, with a queue; the pattern of mqtt_as, which the package index does
not have), and umqtt.simple as its examples have it. Payloads are of about the same length. Lost are readings that never
reached the broker, of one every 200 ms over 12 s: those that were dropped, and those that nobody took in time.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "host_tests"))  # the link that fails is the tests' own

from faulty_link import NONE, Fault, FaultyLink
from ironmote import packages, tree
from ironmote.brokers.mosquitto import MosquittoBroker
from ironmote.certificates import Authority
from ironmote.demo.wire import Direction
from ironmote.fleet import CLEAR, Fleet
from ironmote.interpreter import find_micropython
from rich.console import Console
from rich.table import Table

DRIVER = Path(__file__).parent / "device" / "compare.py"
CLIENTS = {"mote": "mote, sealed", "waits": "one in flight", "umqtt": "umqtt.simple"}
DELAYS_MS = (20, 100, 300)  # there and back
COUNT = 60
PERIOD_MS, FOR_MS = 200, 12_000
_AFTER_S, _AWAY_S = 3.0, 3.0
_PATIENCE_S = 90


Outage = Callable[[FaultyLink], None]


def _cut(link: FaultyLink) -> None:
    """The connection is reset, and nobody is there for a while."""
    link.become(Fault(refuses=True))
    link.cut()
    time.sleep(_AWAY_S)
    link.become(NONE)


def _stall(link: FaultyLink) -> None:
    """Nothing passes for a while."""
    link.become(Fault(stalls=True))
    time.sleep(_AWAY_S)
    link.become(NONE)


def _lose(link: FaultyLink) -> None:
    """A router forgets the connection: it is open at both ends, and dead. A new one would work."""
    link.lose()


OUTAGES: dict[str, Outage] = {
    "reset, 3 s nobody there": _cut, "3 s nothing passes": _stall, "connection dead, unsaid": _lose,
}  # fmt: skip


class Bench:
    """A broker, a link to it, and one client after the other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.fleet = Fleet.create()
        for name in CLIENTS:
            mote = self.fleet.add(name, "esp8266")
            mote.channel, mote.zone, mote.connect = "sealed", CLEAR, "static"
        self.broker = MosquittoBroker(self.fleet, Authority.create(), folder / "broker")
        self._boot = 0

    def run(self, client: str, fault: Fault, act: Outage | None, **load: int) -> tuple[int, int, float]:
        """How many readings there were, how many of them reached the broker, and how many seconds it took."""
        self._boot += 1
        mote = self.fleet.motes[client]
        link = FaultyLink(self.broker.clear.port, fault=fault)
        arrived: set[bytes] = set()

        def passed(direction: Direction, packet: bytes) -> None:
            if direction is Direction.UP and packet[0] >> 4 == 3 and b"/up" in packet[:64]:
                arrived.add(packet[packet.index(b"/up") + 5 :])

        link.passed = passed
        plan = {
            "client": client, "port": link.port, "mote": client, "topic": f"sealed/{client}/up", "boot": self._boot,
            "password": mote.static_password(self.fleet.id), "fleet": self.fleet.id.hex(), "root": mote.root.hex(),
            "settle_ms": 1500, "drain_ms": 15000, "period_ms": 0, "count": 0, "for_ms": 0,
        } | load  # fmt: skip
        path = self._folder / f"{client}.json"
        path.write_text(json.dumps(plan))
        process = subprocess.Popen(
            [*find_micropython(), str(DRIVER), str(path)],
            env={**os.environ, "MICROPYPATH": f"{tree.find().mote.parent}:.frozen:{packages.fetch('umqtt-simple')}"},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        killer = threading.Timer(_PATIENCE_S if act is None else FOR_MS / 1000 + 18, process.kill)
        killer.start()
        try:
            said = self._listen(process, link, act)
        finally:
            killer.cancel()
            process.kill()
            process.wait()
            link.close()
        total, ms = (int(word) for word in said.split()[1:]) if said else (load.get("for_ms", 0) // PERIOD_MS, 0)
        return total, len(arrived), ms / 1000

    def _listen(self, process: subprocess.Popen[str], link: FaultyLink, act: Outage | None) -> str:
        for line in process.stdout or ():
            if line.startswith("begins") and act is not None:
                timer = threading.Timer(_AFTER_S, act, (link,))
                timer.daemon = True
                timer.start()
            if line.startswith("done"):
                return line
        return ""  # it hung for good, and was ended


def main() -> None:
    console = Console(width=110)
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(Path(scratch))
        bench.broker.start()
        try:
            table = Table(title=f"readings a second, QoS 1, {COUNT} of them; in brackets how many times umqtt.simple's")
            table.add_column("round trip", no_wrap=True)
            for words in CLIENTS.values():
                table.add_column(words, justify="right")
            for delay in DELAYS_MS:
                rates = {}
                for client in CLIENTS:
                    total, arrived, seconds = bench.run(client, Fault(delay_s=delay / 2000), None, count=COUNT)
                    rates[client] = arrived / seconds if seconds and arrived == total else float("nan")
                table.add_row(f"{delay} ms", *(f"{rate:.1f} ({rate / rates['umqtt']:.1f})" for rate in rates.values()))
            console.print(table)
            table = Table(title=f"lost of the readings of {FOR_MS // 1000} s, one every {PERIOD_MS} ms")
            table.add_column("outage after 3 s", no_wrap=True)
            for words in CLIENTS.values():
                table.add_column(words, justify="right")
            for words, act in OUTAGES.items():
                load = {"period_ms": PERIOD_MS, "for_ms": FOR_MS}
                with ThreadPoolExecutor() as pool:  # side by side, each on a link of its own
                    running = [pool.submit(bench.run, client, NONE, act, **load) for client in CLIENTS]
                found = [each.result() for each in running]
                table.add_row(words, *(f"{max(0, total - arrived)} of {total}" for total, arrived, _ in found))
            console.print(table)
        finally:
            bench.broker.stop()


if __name__ == "__main__":
    main()
