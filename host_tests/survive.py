"""A gateway that is killed again and again while motes send: what was sent, stored once, lost and repeated.

    python host_tests/survive.py [--kills N] [--motes N] [--seed S]

Real Mosquitto, SQLite and MQTT clients; the gateway is a process of its own and gets SIGKILL at any instant, its start
among them. What counts as sent is what the broker has acknowledged. The exit status is 1 where a record was lost or is
there twice. Ctrl-C ends it early, with the figures of what there was until then.
"""

import contextlib
import multiprocessing
import random
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gateway_bench import Client
from gateway_motes import SealingMote
from ironmote.arguments import Parser
from ironmote.brokers import GatewayAccess
from ironmote.brokers.mosquitto import MosquittoBroker
from ironmote.certificates import Authority
from ironmote.fleet import CLEAR, Fleet
from ironmote.gateway import Gateway, Member
from ironmote.gateway.members import members_of
from mote.record import Reading
from rich.console import Console
from rich.table import Table

# Most are killed while they take what has waited for them, the others while they start.
_AT_WORK, _WORKING_S, _STARTING_S = 0.8, 0.1, 0.4
_PAUSE_S = 0.002  # between two messages of a mote
_WITHIN_S = 90.0
_WIDTH = 110
_processes = multiprocessing.get_context("forkserver")  # what a gateway imports is there already: more kills a minute
_processes.set_forkserver_preload(["ironmote.gateway"])


@dataclass(frozen=True)
class Figures:
    """What a run came to, in records."""

    kills: int
    sent: int
    stored: int
    lost: int
    repeated: int
    starts: int  # gateways that lived long enough to store something

    @property
    def held(self) -> bool:
        return self.sent > 0 and not self.lost and not self.repeated


def serve(fleet_id: bytes, members: list[Member], accesses: list[GatewayAccess], store: Path) -> None:
    """What the process of a gateway does."""
    gateway = Gateway(fleet_id, members, accesses, store, lambda event: None)
    gateway.start()
    while True:
        time.sleep(1)
        gateway.check()


class Sender:
    """One mote, which sends records without a pause until it is stopped; `numbers` are those that the broker has."""

    def __init__(self, broker: MosquittoBroker, fleet: Fleet, name: str) -> None:
        self.name = name
        self.numbers: list[int] = []
        self._mote = SealingMote(fleet, name)
        self._client = Client(broker, fleet, self._mote)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()

    def _send(self) -> None:
        while not self._ending.wait(_PAUSE_S):
            number = len(self.numbers) + 1
            self._client.publish("up", self._mote.up((Reading("count", None, number, None),)))
            self.numbers.append(number)

    def stop(self) -> None:
        self._ending.set()
        self._thread.join()

    def close(self) -> None:
        self._client.close()


def run(folder: Path, kills: int, motes: int = 4, seed: int = 1) -> Figures:
    """Kill a gateway `kills` times; then let one more take what is left."""
    chance = random.Random(seed)
    fleet = Fleet.create()
    for number in range(motes):
        mote = fleet.add(f"mote-{number}", "esp8266")
        mote.channel, mote.zone, mote.connect = "sealed", CLEAR, "static"
    broker = MosquittoBroker(fleet, Authority.create(), folder / "broker")
    broker.start()
    store = folder / "gateway.db"
    plan = (fleet.id, members_of(fleet), broker.gateway, store)
    first = Gateway(*plan, lambda event: None)
    first.start()  # so that the broker keeps a session for it, and from here on all that is sent
    first.stop()

    def start() -> multiprocessing.process.BaseProcess:
        process = _processes.Process(target=serve, args=plan, daemon=True)
        process.start()
        return process

    gateway = start()
    senders = [Sender(broker, fleet, name) for name in fleet.motes]
    done = starts = 0
    with contextlib.suppress(KeyboardInterrupt):
        for done in range(1, kills + 1):
            before = _stored(store)
            if chance.random() < _AT_WORK:
                with contextlib.suppress(TimeoutError):
                    until(lambda before=before: _stored(store) > before, every_s=0.004)
                time.sleep(chance.uniform(0.0, _WORKING_S))
            else:
                time.sleep(chance.uniform(0.0, _STARTING_S))
            gateway.kill()
            gateway.join()
            starts += _stored(store) > before
            gateway = start()
            if done % 20 == 0:
                print(f"{done} of {kills} kills, {sum(len(each.numbers) for each in senders):,} sent", file=sys.stderr)
    for each in senders:
        each.stop()
    sent = {(each.name, number) for each in senders for number in each.numbers}
    with contextlib.suppress(TimeoutError):  # what does not come is lost, and counted so
        until(lambda: _stored(store) >= len(sent))
    for each in senders:
        each.close()
    gateway.kill()
    gateway.join()
    broker.stop()
    there = Counter(_rows(store, "SELECT mote, value FROM readings JOIN records ON record = records.id"))
    stored_once = sum(there[each] == 1 for each in sent)
    repeated = sum(there.values()) - len(there)
    return Figures(done, len(sent), stored_once, len(sent - there.keys()), repeated, starts)


def until(true: Callable[[], bool], every_s: float = 0.05) -> None:
    """Wait for something. Raises TimeoutError."""
    end = time.monotonic() + _WITHIN_S
    while not true():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(every_s)


def _stored(store: Path) -> int:
    return int(_rows(store, "SELECT COUNT(*) FROM records")[0][0])


def _rows(store: Path, query: str) -> list[tuple]:
    with contextlib.closing(sqlite3.connect(store)) as db:
        return db.execute(query).fetchall()


def table(found: Figures) -> Table:
    made = Table(title=f"{found.kills} times SIGKILL under load; {found.starts} gateways had stored something")
    for title in ("sent", "stored once", "lost", "repeated"):
        made.add_column(title, justify="right")
    made.add_row(*(f"{each:,}" for each in (found.sent, found.stored, found.lost, found.repeated)))
    return made


def main() -> int:
    parser = Parser(description="kill a gateway again and again while motes send")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--motes", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        found = run(Path(scratch), options.kills, options.motes, options.seed)
    Console(width=_WIDTH).print(table(found))
    return 0 if found.held else 1


if __name__ == "__main__":
    sys.exit(main())
