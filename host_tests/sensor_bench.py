"""A sensor of each kind on a simulated board: its settings, and a board that reads it in a world of the test's own."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

from board_process import BoardProcess
from ironmote import board_folder, boards
from mote import settings as device_settings

_ON_I2C = {
    "bme280": (0x76, ("temperature", "humidity", "pressure")),
    "bmp280": (0x77, ("temperature", "pressure")),
    "sht3x": (0x44, ("temperature", "humidity")),
    "sht4x": (0x45, ("temperature", "humidity")),
    "aht20": (0x38, ("temperature", "humidity")),
    "tmp117": (0x48, ("temperature",)),
    "bh1750": (0x23, ("illuminance",)),
    "tsl2591": (0x29, ("illuminance",)),
    "veml7700": (0x10, ("illuminance",)),
}
I2C_KINDS = sorted(_ON_I2C)
_DIVIDER = {"pin": 34, "r_series": 10_000}
_OTHERS: dict[str, dict[str, Any]] = {
    "ds18b20": {"names": ("temperature",)},
    "dht22": {"pin": 4, "names": ("temperature", "humidity")},
    "chip": {"names": ("temperature",)},
    "ntc": {**_DIVIDER, "grounded": True, "r_25": 10_000, "beta": 3984, "names": ("temperature",)},
    "ldr": {**_DIVIDER, "grounded": False, "r_10": 15_000, "gamma": 0.7, "names": ("illuminance",)},
}
KINDS = I2C_KINDS + sorted(_OTHERS)

# What a program has: `world.now`, `read()`, `put(faults)`, and the driver as the mote's app makes it.
_PROGRAM = """
import asyncio, json, _hardware
class World:
    now = (21.5, 45.0, 300.0, 100000.0)
    def start(self, part):
        return 0
    def feel(self, part, cursor):
        return self.now, 0
_hardware.world = world = World()
from mote import sensors
from mote.sensors.buses import Buses
from mote.settings import Settings
with open("/settings.cbor", "rb") as file:
    values = Settings.from_cbor(file.read())
buses = Buses(values)
driver = sensors.create(values.sensors[0], buses)
def put(**faults):
    with open("/faults.json", "w") as file:
        file.write(json.dumps(faults))
async def later(ms, faults):
    await asyncio.sleep_ms(ms)
    put(**faults)
async def both(ms, faults):
    task = asyncio.create_task(later(ms, faults))
    try:
        return await driver.read()
    finally:
        await task
def read(ms=None, **faults):
    try:
        return dict(asyncio.run(driver.read() if ms is None else both(ms, faults)))
    except sensors.SensorError as error:
        return "SensorError " + str(error)
    except OSError as error:
        return "OSError %d" % error.errno
def part():
    found = list(_hardware.parts("i2c").values())
    for bus in _hardware._on_pins.values():
        found += bus
    return found[0]
"""


def sensor_of(kind: str, **change: Any) -> dict[str, Any]:
    """The settings of one sensor of `kind`, `change` in place of what they usually are."""
    if kind in _ON_I2C:
        address, quantities = _ON_I2C[kind]
        fields: dict[str, Any] = {"address": address}
    else:
        fields = dict(_OTHERS[kind])
        quantities = fields.pop("names")
    fields |= {"kind": kind, "names": {quantity: quantity for quantity in quantities}} | change
    return {name: value for name, value in fields.items() if value is not None}


class SensorBench:
    """A board in `folder` with one `sensor`, its settings, and the simulated part that provisioning gives it."""

    def __init__(
        self,
        folder: Path,
        sensor: dict[str, Any],
        board: str = "esp32",
        settings: dict[str, Any] | None = None,
        **change: Any,
    ) -> None:
        fields = {
            "v": 1, "mote": "kitchen", "fleet": bytes(16), "board": "esp32", "zone": "home", "generation": 1,
            "channel": "auto", "floor": "sealed", "room": True, "wifi": {"ssid": "home"},
            "broker": {"host": "127.0.0.1", "port": 1883, "name": "broker"}, "connect": "token",
            "keepalive_s": 30, "timeout_ms": 10000, "sample_ms": 1000, "command_age_s": 60,
            "clock_floor": 1760000000, "ntp": "", "i2c": {"sda": 21, "scl": 22, "freq_hz": 100000},
            "onewire": {"pin": 4}, "sensors": [sensor], "actuators": [], "led": None, "outbox": 8, **(settings or {}),
        }  # fmt: skip
        described = board_folder.hardware(boards.load("esp32"), "kitchen", fields, {}, None, {}, 0, True)
        self.board = BoardProcess(folder, **{"board": board, "parts": described["parts"], "faults": True, **change})
        flash = folder / "flash"
        (flash / "settings.cbor").write_bytes(device_settings.to_cbor(fields))
        # The program changes a fault by writing to its own flash; the host's side of it is a hard link.
        (flash / "faults.json").write_text("{}")
        (folder / "faults.json").unlink(missing_ok=True)
        (folder / "faults.json").hardlink_to(flash / "faults.json")

    def run(self, program: str) -> list[Any]:
        """What each line that `program` prints says: a dict by quantity, or the words of an error."""
        lines = self.board.run(_PROGRAM + program)
        return [ast.literal_eval(line) if line.startswith("{") else line for line in lines]

    def feel(self, worlds: list[tuple[float, float, float, float]]) -> list[Any]:
        """What the sensor says of each world: degrees Celsius, percent, lux, pascal."""
        return self.run(f"for world.now in {json.dumps(worlds)}:\n    print(read())\n")
