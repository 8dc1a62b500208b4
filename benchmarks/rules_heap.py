"""What one rule takes of the heap, on MicroPython's unix port (64-bit words), once samples went through it.

python benchmarks/rules_heap.py

The settings' object and what is known of the rule, by its kind; blocks of a board have half the size. What there is
once, however many rules, is the code (an ESP8266 has it in flash).
"""

import json
import subprocess
import tempfile
from pathlib import Path

from driver_heap import compile_all
from ironmote.interpreter import find_micropython
from rich.console import Console
from rich.table import Table

_RULES = 8
_KINDS = (
    {"kind": "thermostat", "sensor": "air", "target": 21, "hysteresis": 0.5},
    {"kind": "light", "sensor": "air", "target": 300, "hysteresis": 20},
    {"kind": "schedule", "times": [[390, 1], [1320, 0]]},
    {"kind": "schedule", "times": [[60 * hour, hour % 2] for hour in range(24)]},
)
_PROGRAM = """
import sys, gc
sys.path[:] = ["{folder}", ".frozen"]
import json, mote.actuators, mote.record, mote.schema, mote.kinds
rule = json.loads('''{rule}''')
gc.collect()
bare = gc.mem_alloc()
import mote.rules
__import__("mote.rules." + rule["kind"])
gc.collect()
code = gc.mem_alloc() - bare
from mote import schema
from mote.kinds import RULE
from mote.record import Reading
from mote.rules import Rules
class Part:
    def __init__(self, name):
        self.name = name
    def state(self):
        return 0
    def drive(self, value):
        return value
names = ["part%d" % i for i in range({count})]
parts = {{name: Part(name) for name in names}}
gc.collect()
before = gc.mem_alloc()
made = Rules([schema.check(dict(rule, actuator=name), RULE, "") for name in names], parts, 1000, print)
for i in range(20):
    made.run([Reading("air", "Cel", 20.25 + i % 3, None)], i * 1000, 1795219200 + i, {{}})
gc.collect()
print(code, (gc.mem_alloc() - before) // {count})
"""


def main() -> None:
    table = Table(title="bytes of heap, one rule")
    for column in ("settings", "bytes", "its code and what all rules share, once"):
        table.add_column(column, justify="left" if column == "settings" else "right")
    with tempfile.TemporaryDirectory() as folder:
        compile_all(Path(folder))
        for rule in _KINDS:
            program = Path(folder) / "program.py"
            program.write_text(_PROGRAM.format(folder=folder, rule=json.dumps(rule), count=_RULES))
            done = subprocess.run(
                [*find_micropython(), str(program)], stdout=subprocess.PIPE, text=True, timeout=60, check=True
            )
            code, size = map(int, done.stdout.split())
            words = json.dumps(rule) if len(str(rule)) < 100 else f"{rule['kind']} of {len(rule['times'])} times"
            table.add_row(words, f"{size:,}", f"{code:,}")
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
