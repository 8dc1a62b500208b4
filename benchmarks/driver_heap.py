"""What the code of each sensor's driver takes of the heap, on MicroPython's unix port (words of 64 bits).

python benchmarks/driver_heap.py

With what it brings along (a BMP280's brings the BME280's), beside what every mote has. Compiled as for an ESP32, which
has words and blocks of half the size; an ESP8266 has this code in flash.
"""

import subprocess
import tempfile
from pathlib import Path

from ironmote import boards, tree
from ironmote.compiler import compile_file
from ironmote.interpreter import find_micropython
from mote.sensors import KINDS
from rich.console import Console
from rich.table import Table

_WIDTH = 110
_PROGRAM = """
import sys, gc
sys.path[:] = ["{folder}", ".frozen"]
import asyncio, struct, math
import mote.uptime, mote.sensors
gc.collect()
before = gc.mem_alloc()
import mote.sensors.{kind}
gc.collect()
print(gc.mem_alloc() - before)
"""


def compile_all(folder: Path) -> None:
    """Put the mote's package, compiled, into `folder`."""
    profile = boards.load("esp32")
    root = tree.find().mote.parent
    for source in (root / "mote").rglob("*.py"):
        name = source.relative_to(root)
        made = folder / name.with_suffix(".mpy")
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_bytes(compile_file(source, str(name), profile.optimise, profile.small_int_bits))


def measure() -> dict[str, int]:
    """The bytes of each kind's driver."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        compile_all(Path(folder))
        for kind in KINDS:
            program = Path(folder) / "program.py"  # an argument of MicroPython has 254 bytes
            program.write_text(_PROGRAM.format(folder=folder, kind=kind))
            done = subprocess.run(
                [*find_micropython(), str(program)], capture_output=True, text=True, timeout=60, check=True
            )
            found[kind] = int(done.stdout)
    return found


def main() -> None:
    table = Table(title="bytes of heap, the code of one driver")
    table.add_column("kind")
    table.add_column("bytes", justify="right")
    for kind, size in measure().items():
        table.add_row(kind, f"{size:,}")
    Console(width=_WIDTH).print(table)


if __name__ == "__main__":
    main()
