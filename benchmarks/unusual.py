"""What is found unusual: false alarms, faults that are found, and what it costs.

    python benchmarks/unusual.py [RECORDING.csv]

The recording is one that `ironmote demo --replay` takes, of two days; without one, a room is made up. The first day is
learnt. False alarms are counted in the rest as it is; then each fault is put in at 20 times of it, for two hours (what
stands still, for four), and counts as found where something is said before it is over.
"""

import datetime
import math
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

from ironmote.alerts.book import Book
from ironmote.alerts.expected import Expected
from ironmote.alerts.series import Series
from ironmote.alerts.unusual import Unusual
from ironmote.demo import replay
from ironmote.gateway import RecordSeen
from mote.record import Reading

TIMES = 20
HOUR_S, DAY_S = 3600.0, 86_400.0
NAMES = ("temperature_c", "humidity_pct", "light_lux")
SHIFT = {"temperature_c": 5.0, "humidity_pct": 10.0, "light_lux": 750.0}
END = {"temperature_c": 85.0, "humidity_pct": 100.0, "light_lux": 54_612.0}
Fault = Callable[[float, float], float]
Samples = list[tuple[float, float]]


def made_up() -> dict[str, Samples]:
    """Two days of a room with people in it by day."""
    rng, found = random.Random(4), {name: [] for name in NAMES}  # noqa: S311
    began = datetime.datetime(2027, 1, 4).timestamp()
    for minute in range(2 * 1440):
        at, hour = began + 60.0 * minute, minute / 60 % 24
        wave = math.sin((hour - 9) / 24 * 2 * math.pi)
        lit = 8 <= hour < 18
        values = (20.5 + 2 * wave + rng.gauss(0, 0.05), 27 - 3 * wave + rng.gauss(0, 0.1), lit * rng.uniform(430, 700))
        for name, value in zip(NAMES, values, strict=True):
            found[name].append((at, round(value, 2)))
    return found


def recorded(path: Path) -> dict[str, Samples]:
    """The columns of a recording, with their times."""
    rows = replay.load(path)
    lines = path.read_text(encoding="utf-8-sig").splitlines()[1:]
    times = [datetime.datetime.fromisoformat(line.split(",")[0]).timestamp() for line in lines if line]
    return {name: [(at, getattr(row, name)) for at, row in zip(times, rows, strict=True)] for name in NAMES}


def said(samples: Samples, fault: Fault = lambda at, value: value) -> list[float]:
    """When something was unusual."""
    series = Series()
    return [at for at, value in samples if series.take(fault(at, value), at)]


def episodes(times: list[float]) -> int:
    """How many stretches they are, with a quarter of an hour between."""
    return sum(1 for before, at in zip([-math.inf, *times], times, strict=False) if at - before > 900)


def faults(name: str) -> dict[str, tuple[float, Callable[[float], Fault]]]:
    """How long each lasts, and what it makes of a value from when it began on."""

    def still(began: float) -> Fault:
        first: list[float] = []

        def stand(at: float, value: float) -> float:
            first.append(value)
            return first[0]

        return stand

    rng = random.Random(8)  # noqa: S311
    return {
        "the end of its range": (2, lambda began: lambda at, value: END[name]),
        "zero": (2, lambda began: lambda at, value: 0.0),
        "shifted": (2, lambda began: lambda at, value: value + SHIFT[name]),
        "drifting by twice that in 2 h": (
            2,
            lambda began: lambda at, value: value + (at - began) / HOUR_S * SHIFT[name],
        ),
        "noise of half that": (2, lambda began: lambda at, value: value + rng.gauss(0, SHIFT[name] / 2)),
        "standing still": (4, still),
    }


def row(name: str, fault: str, samples: Samples) -> None:
    hours, make = faults(name)[fault]
    rng, delays = random.Random(7), []  # noqa: S311
    for _ in range(TIMES):
        began = rng.uniform(samples[0][0] + DAY_S, samples[-1][0] - hours * HOUR_S)
        change, end = make(began), began + hours * HOUR_S
        ordinary = set(said(samples))

        def apply(at: float, value: float, began=began, end=end, change=change) -> float:
            return change(at, value) if began <= at < end else value

        times = [at for at in said(samples, apply) if began <= at < end and at not in ordinary]
        delays += [times[0] - began] if times else []
    mean = f"{sum(delays) / len(delays) / 60:.0f}" if delays else ""
    print(f"| `{name}`, {fault} | {len(delays)} of {TIMES} | {mean} |")


def cost() -> tuple[float, float]:
    """Microseconds that a record of two values takes, and bytes that a mote does: of 1,000, a day of each."""

    class Nowhere:
        def learnt(self, mote: str) -> dict[str, bytes]:
            return {}

    before = _memory()
    unusual, rng = Unusual(Book(), Nowhere(), lambda mote: Expected()), random.Random(2)  # noqa: S311
    events = [
        RecordSeen(f"mote-{mote}", "sealed", 1, 1, at, at, _readings(rng), size=120)
        for at in (DAY_S * 20_000 + 600.0 * number for number in range(144))
        for mote in range(1000)
    ]
    begun = time.process_time()
    for event in events:
        unusual.take(event, event.arrived)
    took = time.process_time() - begun
    count, _ = len(events), events.clear()
    return took / count * 1e6, (_memory() - before) / 1000


def _readings(rng: random.Random) -> tuple[Reading, ...]:
    return (Reading("air", "Cel", rng.gauss(21, 1), None), Reading("damp", "%RH", rng.gauss(45, 3), None))


def _memory() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def main() -> None:
    samples = recorded(Path(sys.argv[1])) if len(sys.argv) > 1 else made_up()
    print("| | judged | unusual | episodes |\n|---|---:|---:|---:|")
    for name in NAMES:
        times = said(samples[name])
        judged = sum(1 for at, _ in samples[name] if at - samples[name][0][0] >= DAY_S)
        print(f"| `{name}` | {judged:,} | {len(times)} | {episodes(times)} |")
    print("\n| fault | found | after minutes |\n|---|---:|---:|")
    for name in NAMES:
        for fault in faults(name):
            row(name, fault, samples[name])
    micros, memory = cost()
    print(f"\na record of two values: {micros:.1f} µs; a mote with two values: {memory:,.0f} bytes")


if __name__ == "__main__":
    main()
