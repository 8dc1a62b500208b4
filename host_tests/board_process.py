"""A simulated board without the simulator around it: a folder, a program, and what it printed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ironmote import board_folder, boards

ROOT = Path(__file__).resolve().parent.parent
START = ROOT / "tools" / "board" / "start.py"

PARTS = [
    {"part": "bme280", "address": 118},
    {"part": "bh1750", "address": 35},
    {"part": "ds18b20", "pin": 4, "rom": "28ff4a2b3c4d5e"},
]
BOARD: Mapping[str, Any] = {
    "board": "esp32",
    "unique_id": "a1b2c3d4e5f6",
    "wifi": {"ssid": "home", "password": "correct horse"},
    "parts": PARTS,
    "i2c": {"sda": 21, "scl": 22},
    "world": {"kind": "room", "day_s": 60, "seed": 7},
}

# What a program needs to make drivers as the mote's app makes them.
DRIVERS = """
import asyncio
from collections import namedtuple
from mote import sensors
from mote.sensors.buses import Buses
Settings = namedtuple("Settings", "i2c onewire")
I2c = namedtuple("I2c", "sda scl freq_hz")
OneWire = namedtuple("OneWire", "pin")
Spec = namedtuple("Spec", "kind address rom")
buses = Buses(Settings(I2c(21, 22, 100000), OneWire(4)))
bme280 = sensors.create(Spec("bme280", 118, None), buses)
bh1750 = sensors.create(Spec("bh1750", 35, None), buses)
ds18b20 = sensors.create(Spec("ds18b20", None, None), buses)
def read(driver):
    try:
        return dict(asyncio.run(driver.read()))
    except sensors.SensorError as error:
        return "SensorError " + str(error)
    except OSError as error:
        return "OSError %d" % error.errno
"""


def micropython() -> str:
    """The unix port that the environment holds."""
    beside = Path(sys.executable).with_name("micropython")
    return str(beside) if beside.exists() else shutil.which("micropython") or "micropython"


class BoardProcess:
    """A board in `folder`; `change` replaces entries of board.json."""

    def __init__(self, folder: Path, **change: Any) -> None:
        self.folder = folder
        (folder / "flash").mkdir(parents=True, exist_ok=True)
        chip = board_folder.chip(boards.load(change.get("board", BOARD["board"])))
        shutil.copytree(ROOT / "lib", folder / "flash" / "lib", dirs_exist_ok=True)
        (folder / "board.json").write_text(json.dumps(chip | {**BOARD, **change}))
        self.status: int | None = None

    def run(self, program: str, *arguments: str) -> list[str]:
        """Run `program` as main.py; return the lines it printed. The exit status is kept as `status`."""
        (self.folder / "flash" / "main.py").write_text(program)
        process = self.start(*arguments)
        out, _ = process.communicate(timeout=30)
        self.status = process.returncode
        return out.splitlines()

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the board; return its process."""
        command = [micropython(), str(START), str(self.folder), *arguments]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def put(self, **faults: str) -> None:
        """Put `faults` on the hardware in place of those before."""
        part = self.folder / "faults.json.new"
        part.write_text(json.dumps(faults))
        part.replace(self.folder / "faults.json")

    def wait_for(self, name: str, within_s: float = 10) -> None:
        """Wait until the board has written its file `name`."""
        deadline = time.monotonic() + within_s
        while not (self.folder / "flash" / name).exists():
            assert time.monotonic() < deadline, f"{name} was never written"
            time.sleep(0.01)
