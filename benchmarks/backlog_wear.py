"""What an outage costs: flash written and worn by the backlog, and how long it bridges, on a real littlefs.

python benchmarks/backlog_wear.py
"""

import json
import os
import subprocess
import tempfile
from pathlib import Path

from ironmote import tree
from ironmote.interpreter import find_micropython
from rich.console import Console
from rich.table import Table

DRIVER = Path(__file__).parent / "device" / "backlog_wear.py"
_HOURS = 12
_SAMPLE_S = 10
# keep_s, records in RAM, bytes of flash for the backlog, blocks of the file system
_CASES = (
    (60, 32, 262_144, 512),
    (300, 32, 262_144, 512),
    (0, 32, 262_144, 512),
    (60, 16, 16_384, 64),
    (0, 16, 16_384, 64),
)
_WIDTH = 110


def measure(keep_s: int, outbox: int, backlog: int, blocks: int) -> list[int]:
    plan = {"keep_s": keep_s, "outbox": outbox, "backlog": backlog, "blocks": blocks}
    environment = {**os.environ, "MICROPYPATH": f"{tree.find().mote.parent}:.frozen"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plan.json"
        path.write_text(json.dumps(plan | {"hours": _HOURS, "sample_s": _SAMPLE_S}))
        command = [*find_micropython(), "-X", "heapsize=8000000", str(DRIVER), str(path)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=True)
    found: list[int] = json.loads(done.stdout)
    return found


def main() -> None:
    table = Table(title=f"an outage of {_HOURS} h, three readings each {_SAMPLE_S} s, blocks of 4,096 bytes")
    for title in (
        "`keep_s`", "`outbox`", "`backlog`", "segments written an hour", "blocks erased an hour", "most of one block",
        "hours bridged", "bytes of a record", "heap of a full outbox",
    ):  # fmt: skip
        table.add_column(title, justify="right")
    for case in _CASES:
        writes, erased, worst, waits, heap, size = measure(*case)
        table.add_row(
            *(f"{each:,}" for each in case[:3]), f"{writes / _HOURS:.1f}", f"{erased / _HOURS:.1f}",
            f"{worst / _HOURS:.2f}", f"{waits * _SAMPLE_S / 3600:.1f}", f"{size:,}", f"{heap:,}",
        )  # fmt: skip
    Console(width=_WIDTH).print(table)


if __name__ == "__main__":
    main()
