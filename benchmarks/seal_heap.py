"""What sealing a record takes of the heap, by its size, on MicroPython's unix port (64-bit words, blocks of 32 bytes).

python benchmarks/seal_heap.py
"""

import os
import subprocess
from pathlib import Path

from ironmote import tree
from ironmote.interpreter import find_micropython
from rich.console import Console
from rich.table import Table

DRIVER = Path(__file__).parent / "device" / "seal_heap.py"
SIZES = (16, 64, 256, 600, 1024)
_WIDTH = 110


def main() -> None:
    environment = {**os.environ, "MICROPYPATH": f"{tree.find().mote.parent}:.frozen"}
    table = Table(title="bytes of heap, one seal")
    for title in ("bytes of the record", "a seal takes", "is made with", "its context keeps", "left of 2,000 seals"):
        table.add_column(title, justify="right")
    for size in SIZES:
        command = [*find_micropython(), "-X", "heapsize=400k", str(DRIVER), str(size)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=True)
        table.add_row(str(size), *(f"{int(value):,}" for value in done.stdout.split()))
    Console(width=_WIDTH).print(table)


if __name__ == "__main__":
    main()
