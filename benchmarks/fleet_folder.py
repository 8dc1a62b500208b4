"""What a fleet of 200 motes costs on the disk and in time: each row is one command, started anew.

python benchmarks/fleet_folder.py
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ironmote import encrypted
from ironmote.fleet_paths import Paths
from rich.console import Console
from rich.table import Table

_MOTES = 200
_WIDTH = 110
_TYPED = "correct horse battery"


def run(cwd: Path, *words: str) -> tuple[float, float, int]:
    """Seconds by the clock and of the processor, and the most memory in KiB, of one command."""
    secret = cwd / "passphrase"
    environment = os.environ | {"IRONMOTE_PASSPHRASE_FILE": str(secret)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "ironmote", *words], cwd=cwd, check=True, env=environment, stdout=subprocess.DEVNULL
    )
    took = time.monotonic() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return took, spent, after.ru_maxrss


def size(folder: Path) -> int:
    """Bytes of all files below `folder`."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    table = Table(title=f"a fleet of {_MOTES} motes")
    table.add_column("command")
    for title in ("seconds", "of the processor", "key store, bytes", "motes/ and registry/, bytes"):
        table.add_column(title, justify="right")
    names = [f"mote-{number}" for number in range(_MOTES)]
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        paths = Paths(here / "g")
        (here / "passphrase").touch(mode=0o600)
        (here / "passphrase").write_text(_TYPED + "\n")
        (here / "other").touch(mode=0o600)
        (here / "other").write_text(_TYPED + "\n")
        fleet = ("--fleet", "g")
        for label, words in (
            ("init", ("init", "g")),
            ("add, the first", ("add", names[0], "--board", "esp32", *fleet)),
            (f"add, {_MOTES - 2} at once", ("add", *names[1:-1], "--board", "esp32", *fleet)),
            ("add, the last", ("add", names[-1], "--board", "esp8266", *fleet)),
            ("list", ("list", *fleet)),
            ("show", ("show", names[7], *fleet)),
            ("remove", ("remove", names[7], "--yes", *fleet)),
            ("export", ("export", "out", "--export-passphrase-file", "other", *fleet)),
            ("import", ("import", "out", "copy", "--export-passphrase-file", "other")),
        ):
            took, spent, most = run(here, *words)
            public = size(paths.motes) + size(paths.registry)
            table.add_row(label, f"{took:.2f}", f"{spent:.2f}", f"{paths.store.stat().st_size:,}", f"{public:,}")
        exported = (here / "out").stat().st_size
    Console(width=_WIDTH).print(table)
    cost = encrypted.Cost()
    print(f"the exported file: {exported:,} bytes; the most memory of any: {most / 1024:.0f} MiB,")
    print(f"of which Argon2id takes {cost.memory_kib // 1024} MiB for each passphrase")


if __name__ == "__main__":
    main()
