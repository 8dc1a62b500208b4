"""What a gateway costs as its fleet grows: 1,000, 10,000 and 100,000 sealed motes, through a real Mosquitto.

    python benchmarks/many_motes.py [motes …]

A gateway with its fleet is started in a process of its own. Of the fleet as many motes are heard, each for the first
time since the start, when keys are derived and the mote is challenged, and then again and again, confirmed, which is
what a gateway does all day. What a mote takes of its memory is counted by what the process has more of afterwards.
"""

import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gateway_load.listeners import Program, gateway, pause
from gateway_load.motes import LoadMote, each_in_turn, fleet_of
from gateway_load.site import Publisher, Site, resident
from gateway_throughput import drain
from ironmote.gateway.members import members_of
from rich.console import Console
from rich.table import Table

_SIZES = (1_000, 10_000, 100_000)
_HEARD = 1_000
_RECORDS = 8_000
_WIDTH = 110


@dataclass(frozen=True)
class Cost:
    """Of one fleet: seconds of a start, bytes of a mote that is not heard and of one that is, µs of a message."""

    start_s: float
    known: float
    heard: float
    first_us: float
    cpu_us: float


def measure(count: int) -> Cost:
    """The cost of a fleet of `count` motes."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        site = Site(folder, ())
        fleet = fleet_of(count)
        members = members_of(fleet)
        step = count // _HEARD
        load = {name: LoadMote(fleet, name) for name in list(fleet.motes)[::step]}
        publisher = Publisher(site, lambda name, payload: load[name].answer(payload))
        plan = (fleet.id, members[:1], site.clear, folder / "none.db", 1, 0)
        started: list[Program] = []
        try:
            started.append(none := Program(gateway, *plan))
            bare = resident(none.pid)
            none.close()
            more = (site.clear, folder / "gateway.db", _HEARD, _RECORDS)
            started.append(one := Program(gateway, fleet.id, members, *more))
            known, used = resident(one.pid), one.used()
            for mote in load.values():
                publisher.send(f"sealed/{mote.id}/up", mote.up())
            one.wait()
            first, heard = one.used() - used, resident(one.pid)
            pause(one)
            for mote in each_in_turn(list(load.values()), _RECORDS):
                publisher.send(f"sealed/{mote.id}/up", mote.up())
            publisher.settle()
            publisher.close()
            cost = drain(one, _RECORDS)
            return Cost(
                float(one.said[0]),
                (known - bare) / count,
                (heard - known) / _HEARD,
                first / _HEARD * 1e6,
                cost.cpu_us,
            )
        finally:
            for program in started:
                program.close()
            site.close()


def main(sizes: Iterable[int]) -> None:
    table = Table(title=f"a gateway and its fleet; {_HEARD:,} motes of it are heard, {_RECORDS:,} records of 64 bytes")
    for title in (
        "motes", "start, s", "bytes each", "bytes more where heard", "µs of a processor, first", "µs, then each",
    ):  # fmt: skip
        table.add_column(title, justify="right")
    for count in sizes:
        found = measure(count)
        table.add_row(
            f"{count:,}", f"{found.start_s:.1f}", f"{found.known:,.0f}", f"{found.heard:,.0f}",
            f"{found.first_us:,.0f}", f"{found.cpu_us:.1f}",
        )  # fmt: skip
    Console(width=_WIDTH).print(table)


if __name__ == "__main__":
    main([int(each) for each in sys.argv[1:]] or _SIZES)
