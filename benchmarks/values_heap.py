"""What one treated value takes of the heap, on MicroPython's unix port (64-bit words), once samples went through it.

python benchmarks/values_heap.py

The settings' object and what is known of the value, by what the settings ask for; blocks of a board have half the size.
What there is once, however many values, is the code (an ESP8266 has it in flash).
"""

import json
import subprocess
import tempfile
from pathlib import Path

from driver_heap import compile_all
from ironmote.interpreter import find_micropython
from rich.console import Console
from rich.table import Table

_VALUES = 16
_TREATED = (
    {"offset": 0.5},
    {"scale": 1.02, "offset": 0.5},
    {"table": [[0.0, 0.5], [10.0, 10.25], [30.0, 29.5]]},
    {"median": 3},
    {"median": 9},
    {"smooth": 0.25},
    {"deadband": 0.5, "heartbeat_s": 600},
    {"every": 10, "stats": True},
    {"above": 30.5, "below": 2.5, "hysteresis": 1.5},
    {"offset": 0.5, "median": 5, "smooth": 0.5, "every": 4, "deadband": 0.25, "above": 30.5},
)
_PROGRAM = """
import sys, gc
sys.path[:] = ["{folder}", ".frozen"]
import json, mote.cbor, mote.record, mote.schema, mote.kinds
gc.collect()
bare = gc.mem_alloc()
import mote.values
gc.collect()
code = gc.mem_alloc() - bare
from mote import schema
from mote.kinds import VALUE
from mote.record import Reading
from mote.values import Values
treated = json.loads('''{treated}''')
names = ["value%d" % i for i in range({count})]
gc.collect()
before = gc.mem_alloc()
made = Values([schema.check(dict(treated, name=name), VALUE, "") for name in names])
for i in range(20):
    readings = [Reading(name, "Cel", made.take(name, "Cel", 20.25 + i % 3), None) for name in names]
    made.report(readings, i * 1000)
del readings
gc.collect()
print(code, (gc.mem_alloc() - before) // {count})
"""


def main() -> None:
    table = Table(title="bytes of heap, one treated value")
    table.add_column("settings")
    table.add_column("bytes", justify="right")
    with tempfile.TemporaryDirectory() as folder:
        compile_all(Path(folder))
        code = 0
        for treated in _TREATED:
            program = Path(folder) / "program.py"
            program.write_text(_PROGRAM.format(folder=folder, treated=json.dumps(treated), count=_VALUES))
            done = subprocess.run(
                [*find_micropython(), str(program)], stdout=subprocess.PIPE, text=True, timeout=60, check=True
            )
            code, size = map(int, done.stdout.split())
            table.add_row(json.dumps(treated), f"{size:,}")
    table.add_row("the code, once", f"{code:,}")
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
