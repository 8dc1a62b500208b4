"""What sealing a record of 64 bytes costs beside what it cannot do without, and beside what others do.

    python benchmarks/seal_cost.py

By instructions, counted by callgrind on MicroPython's unix port: the difference of two runs of different length, so
that starting does not count, and the middle of several heap sizes. Where in the heap an object finds room makes more
difference than a line of code, so the second column leaves out the allocator's search for free memory, and the ratio
is of that. And by time in one process, where only the ratio means something.
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
from ironmote.interpreter import find_micropython
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
    "tutorial": "AES-CBC and HMAC as in tutorials, sealing",
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

    def instructions(self, name: str) -> tuple[float, float]:
        """Instructions of one call, with and without the allocator's search: the middle over the heap sizes."""
        found = []
        for heap in HEAPS:
            few, many = self._count(name, heap, FEW), self._count(name, heap, MANY)
            found.append([(b - a) / (MANY - FEW) for a, b in zip(few, many, strict=True)])
        return statistics.median(each[0] for each in found), statistics.median(each[1] for each in found)

    def _count(self, name: str, heap: str, times: int) -> tuple[int, int]:
        out = self._folder / f"{name}.out"
        self._run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"], heap, name, times)
        command = ["callgrind_annotate", "--threshold=100", str(out)]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout.replace(",", "")
        total = int(next(re.finditer(r"(\d+) .*PROGRAM TOTALS", text))[1])
        return total, total - sum(int(each) for each in re.findall(r"^ *(\d+) .*:gc_alloc\b", text, re.MULTILINE))

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
    for title in ("instructions", "without\nthe search", "x native", "time,\nx native"):
        table.add_column(title, justify="right", no_wrap=True)
    for name, words in WORDS.items():
        row = ["", "", ""]
        if counts:
            whole, rest = (a - b for a, b in zip(counts[name], counts["nothing"], strict=True))
            native = counts["native"][1] - counts["nothing"][1]
            row = [f"{whole:,.0f}", f"{rest:,.0f}", f"{rest / native:.1f}"]
        spent = (times[name] - times["nothing"]) / (times["native"] - times["nothing"])
        table.add_row(words, *row, f"{spent:.1f}")
    console.print(table)


if __name__ == "__main__":
    main()
