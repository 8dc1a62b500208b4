"""What the gateway costs: sealed records through a real Mosquitto, beside programs that do less, in one run.

    python benchmarks/gateway_throughput.py [records]

All listen, each in a process of its own, and are stopped; then the records are published, and wait at the broker. One
program after the other goes on and is measured until it has taken them all; of three rounds the least counts.
Every one comes by the same listener, TLS with certificates on both sides, at QoS 1.
"""

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from gateway_load.listeners import Bare, Listener, Program, fields, gateway, pause, resume, stores
from gateway_load.motes import LoadMote, each_in_turn, fleet_of
from gateway_load.site import Publisher, Site
from ironmote.gateway.members import members_of
from rich.console import Console
from rich.table import Table

_RECORDS = 10_000
_ROUNDS = 3
_MOTES = 200
_WIDTH = 110
BARE, STORES, FIELDS, GATEWAY = (
    "mosquitto_sub, thrown away", "paho, stored in SQLite", "paho, JSON parsed and stored", "ironmote gateway",
)  # fmt: skip


@dataclass(frozen=True)
class Cost:
    """Of one message, in microseconds: what passes until the next is taken, and of a processor."""

    wall_us: float
    cpu_us: float


def drain(listener: Listener, count: int) -> Cost:
    """What it takes `listener` to take the `count` messages that wait for it."""
    used, began = listener.used(), time.perf_counter()
    resume(listener)
    listener.wait()
    took = time.perf_counter() - began
    return Cost(took / count * 1e6, (listener.used() - used) / count * 1e6)


def measure(count: int = _RECORDS, motes: int = _MOTES) -> dict[str, Cost]:
    """The cost of a message to each program, by its name."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        site = Site(folder, ("bare", "stores", "fields"))
        fleet = fleet_of(motes)
        load = {name: LoadMote(fleet, name) for name in fleet.motes}
        publisher = Publisher(site, lambda name, payload: load[name].answer(payload))
        listeners: dict[str, Listener] = {}
        try:
            started = Program(gateway, fleet.id, members_of(fleet), site.clear, folder / "gateway.db", motes, count)
            listeners[GATEWAY] = started
            for mote in load.values():
                publisher.send(f"sealed/{mote.id}/up", mote.up())
            started.wait()  # until each has answered its challenge, which is once after a start
            listeners[BARE] = Bare(site.door("bare"), "sealed/+/up", count)
            listeners[STORES] = Program(stores, site.door("stores"), "sealed/+/up", count, folder / "stores.db")
            listeners[FIELDS] = Program(fields, site.door("fields"), "mote/+/up", count, folder / "fields.db")
            for listener in listeners.values():
                pause(listener)
            for mote in each_in_turn(list(load.values()), count):
                publisher.send(f"sealed/{mote.id}/up", mote.up())
            plain = fleet_of(motes)
            for mote in each_in_turn([LoadMote(plain, name) for name in plain.motes], count):
                publisher.send(f"mote/{mote.id}/up", mote.json())
            publisher.settle()
            publisher.close()
            return {name: drain(listeners[name], count) for name in (BARE, STORES, FIELDS, GATEWAY)}
        finally:
            for listener in listeners.values():
                listener.close()
            site.close()


def best(count: int, rounds: int = _ROUNDS) -> dict[str, Cost]:
    """The least of several rounds, for each program: what else the machine does only ever adds."""
    each = [measure(count) for _ in range(rounds)]
    return {
        name: Cost(min(one[name].wall_us for one in each), min(one[name].cpu_us for one in each)) for name in each[0]
    }


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else _RECORDS
    found = best(count)
    one = found[STORES]
    table = Table(title=f"{count:,} records of 64 bytes, sealed, of {_MOTES} motes, through Mosquitto")
    table.add_column("", no_wrap=True)
    for title in ("messages a second", "µs of a processor each", "× of paho that stores"):
        table.add_column(title, justify="right")
    for name, cost in found.items():
        table.add_row(name, f"{1e6 / cost.wall_us:,.0f}", f"{cost.cpu_us:.1f}", f"{cost.cpu_us / one.cpu_us:.2f}")
    Console(width=_WIDTH).print(table)


if __name__ == "__main__":
    main()
