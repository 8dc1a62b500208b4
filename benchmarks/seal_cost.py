"""What sealing a record of 64 bytes costs beside what it cannot do without, and beside what others do.

    python benchmarks/seal_cost.py

By instructions, counted by callgrind on MicroPython's unix port: the difference of two runs of different length, so
that starting does not count, and the middle of several heap sizes, since where in the heap an object finds room makes
more difference than a line of code. And by time in one process, where only the ratio means something.
Without valgrind the instructions are left out.
"""

import os
import re
import shutil
import statistics
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ironmote import tree
from ironmote.certificates import Authority
from ironmote.simulate import find_micropython
from rich.console import Console
from rich.table import Table

DRIVER = Path(__file__).parent / "device" / "seal.py"
HEAPS = ("160k", "240k", "320k")
FEW, MANY = 200, 1200
WIDTH = 110
WORDS = {
    "native": "the two native AES calls alone",
    "ccm": "AES-CCM",
    "seal": "seal",
    "open": "parse and open",
    "tutorial": "AES-CBC and HMAC in Python, as tutorials have it (seal only)",
    "tls-write": "TLS write of the same record",
    "tls-both": "TLS write, and read at the other end",
}


class Bench:
    """The driver, with a certificate for its TLS session."""

    def __init__(self, folder: Path) -> None:
        server = Authority.create().issue("bench", ["localhost"], server=True)
        self._files = [str(folder / "cert.der"), str(folder / "key.der")]
        for path, data in zip(self._files, (server.cert_der, server.key_der), strict=True):
            Path(path).write_bytes(data)
        self._folder = folder
        self._environment = {**os.environ, "MICROPYPATH": f"{tree.find().mote.parent}:.frozen"}

    def times(self) -> dict[str, float]:
        """Microseconds of each operation, in one process."""
        done = self._run([], HEAPS[1], "all", 0)
        lines = [line.split() for line in done.stdout.splitlines()]
        return {name: float(value) for name, value in lines}

    def instructions(self, name: str) -> tuple[float, float, float]:
        """Instructions of one call: the fewest, the middle and the most over the heap sizes."""
        found = sorted((self._count(name, heap, MANY) - self._count(name, heap, FEW)) / (MANY - FEW) for heap in HEAPS)
        return found[0], statistics.median(found), found[-1]

    def _count(self, name: str, heap: str, times: int) -> int:
        command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
        done = self._run(command, heap, name, times)
        found = re.search(r"Collected : (\d+)", done.stderr)
        if found is None:
            raise SystemExit(done.stderr)
        return int(found[1])

    def _run(self, before: list[str], heap: str, name: str, times: int) -> "subprocess.CompletedProcess[str]":
        command = [*before, *find_micropython(), "-X", f"heapsize={heap}", str(DRIVER), name, str(times), *self._files]
        return subprocess.run(command, env=self._environment, capture_output=True, text=True, timeout=300, check=True)


def main() -> None:
    console = Console(width=WIDTH)
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(Path(scratch))
        times = bench.times()
        counts = {}
        if shutil.which("valgrind"):
            names = ("nothing", *WORDS)
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                counts = dict(zip(names, pool.map(bench.instructions, names), strict=True))
        else:
            console.print("valgrind is not here: no instructions are counted")
    table = Table(title="a record of 64 bytes, on MicroPython's unix port")
    table.add_column("", no_wrap=True)
    for title in ("instructions", "over heap sizes", "x native", "time, x native"):
        table.add_column(title, justify="right", no_wrap=True)
    for name, words in WORDS.items():
        row = ["", "", ""]
        if counts:
            idle = counts["nothing"][1]
            low, middle, high = (each - idle for each in counts[name])
            row = [f"{middle:,.0f}", f"{low:,.0f} to {high:,.0f}", f"{middle / (counts['native'][1] - idle):.1f}"]
        spent = (times[name] - times["nothing"]) / (times["native"] - times["nothing"])
        table.add_row(words, *row, f"{spent:.1f}")
    console.print(table)


if __name__ == "__main__":
    main()
