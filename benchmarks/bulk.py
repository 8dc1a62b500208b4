"""200 motes added from a list and put onto 200 simulated boards over serial lines, every tenth an ESP32 with TLS.

python benchmarks/bulk.py
"""

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from ironmote import board_folder, boards, bulk_list, device, encrypted, fleet_folder, key_store
from ironmote.bulk import Bulk
from ironmote.progress import Progress
from ironmote.serial_board import SerialBoard
from rich.console import Console
from rich.table import Table

_MOTES = 200
_WIDTH = 110
_TYPED = "correct horse battery"
_FILE = """
board = "{}"
[wifi]
ssid = "home"
[[sensor]]
kind = "sht4x"
address = 0x44
names = {{ temperature = "air", humidity = "damp" }}
"""


def plugged(folder: Path, rows: list[bulk_list.Row]) -> Iterator[str]:
    """The port of a blank board for each row; the one before is pulled and thrown away."""
    for row in rows:
        profile = boards.load(row.board)
        hardware = board_folder.hardware(profile, row.id, {"mote": row.id}, [], [], {"kind": "room"}, 0, False)
        board_folder.BoardFolder(folder / row.id, profile).make(device.frozen_modules(profile), hardware)
        board = SerialBoard(folder / row.id, profile)
        board.plug()
        try:
            yield board.port
        finally:
            board.pull()
            shutil.rmtree(folder / row.id)


def size(folder: Path) -> int:
    """Bytes of all files below `folder`."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        secrets, files = fleet_folder.first_files("greenhouse", os.urandom(16), "192.168.1.2")
        key = encrypted.new_by_passphrase(key_store.KIND, _TYPED)
        folder = fleet_folder.create(here / "g", key, secrets, files)
        for board in ("esp32", "esp8266"):
            (here / f"{board}.toml").write_text(_FILE.format(board))
        kinds = ["esp32" if number % 10 == 0 else "esp8266" for number in range(_MOTES)]
        listed = here / "motes.csv"
        listed.write_text("id,file\n" + "".join(f"mote-{at},{kind}.toml\n" for at, kind in enumerate(kinds)))
        report = here / "motes.report.csv"
        with folder.unlock(lambda: _TYPED) as held, Progress(_MOTES) as progress:
            held.secrets.wifi["home"] = "swordfish under the sea"
            begun = time.monotonic()
            rows = bulk_list.read(listed)
            made = Bulk(held, rows, report)
            added_s = time.monotonic() - begun
            made.provision(plugged(here / "boards", rows), lambda line: None, progress)
            all_s = time.monotonic() - begun - added_s
        paths = folder.paths
        table = Table(title=f"{_MOTES} motes: {added_s:.1f} s to add them, {all_s:.0f} s to put them onto boards")
        for title in ("board", "motes", "done", "seconds a board, median", "first ten", "last ten", "most"):
            table.add_column(title, justify="left" if title == "board" else "right")
        for kind in ("esp8266", "esp32"):
            lines = [each for each in made.lines if each.board == kind]
            took = [each.seconds for each in lines]
            median = statistics.median
            figures = (median(took), median(took[:10]), median(took[-10:]), max(took))
            done = sum(each.state == "done" for each in lines)
            table.add_row(kind, str(len(lines)), str(done), *(f"{each:.2f}" for each in figures))
        Console(width=_WIDTH).print(table)
        print(f"key store {paths.store.stat().st_size:,} bytes, motes/ {size(paths.motes):,}, "
              f"registry/ {size(paths.registry):,}, public/ {size(here / 'g' / 'public'):,}, "
              f"report {report.stat().st_size:,}")  # fmt: skip


if __name__ == "__main__":
    main()
