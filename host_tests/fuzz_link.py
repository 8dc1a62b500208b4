"""A running mote with an ESP8266's heap against a hostile broker: generated packet streams in simulated time.

    python host_tests/fuzz_link.py N SEED

tests/device/hostile_streams.py says what it does to the mote and what it checks. Several processes share the N, one to
a core. Anything but a mote that leaves every session in time, grows by nothing and works at the end is status 1.
"""

import os
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from swift_boards import SwiftBoard, reasons

_SHOWN = 24


def run(total: int, seed: int, folder: Path) -> tuple[list[str], Counter[str]]:
    """What the program said, its status last, and how often the mote's console said what."""
    # Without the watchdog: for minutes such a broker acknowledges nothing, and then it is right to start anew.
    return reasons(SwiftBoard(folder, "hostile_streams", watchdog_s=0).run(total, seed))


def verdict(said: list[str], counted: Counter[str]) -> str:
    """What was wrong, or nothing."""
    if said[-2:] != ["held", "status 0"]:
        return "\n".join(said[-30:])
    # The link says `failed` where an exception came that it does not declare; out of memory is one that it survives.
    undeclared = [words for words in counted if "failed:" in words and "MemoryError" not in words]
    return "; ".join(undeclared + [line for line in said if "exception" in line])


def main(total: int, seed: int) -> int:
    processes = min(os.cpu_count() or 1, max(1, total // 10_000))
    counted: Counter[str] = Counter()
    wrong = ""
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(processes) as pool:
        parts = [
            pool.submit(run, total // processes, seed + number, Path(scratch) / str(number))
            for number in range(processes)
        ]
        for part in parts:
            said, words = part.result()
            counted += words
            print("\n".join(line for line in said if line.startswith("stream") and "in use" not in line))
            wrong = wrong or verdict(said, words)
    for words, times in counted.most_common(_SHOWN):
        print(f"{times:8} {words}")
    print(f"link: {total} streams, seed {seed}, {processes} processes")
    print(wrong or "held")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
