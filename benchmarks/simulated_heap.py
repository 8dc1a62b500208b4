"""What the simulation takes of a simulated board's heap: the numbers in firmware/boards/*.toml, [simulation].

    python benchmarks/simulated_heap.py

Code: a board holds its frozen modules in flash; the simulation loads them into the heap. Each module's source is put
into a function that is never called, so that importing it takes the heap that its code takes and nothing else. Counted
is what a sealed mote holds while it runs: what reads the settings is unloaded then. "fits" is the mote of
host_tests/full_board.py, with four sensors, a value for each and four actuators.
Simulation: start.py and the simulated hardware, with every class in use and every part having measured: a board has its
pins, timers and parts outside its heap.
"""

import ast
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "host_tests"))  # the full board as the test has it

import full_board
from ironmote import boards, device, packages, tree
from ironmote.boards import Profile
from ironmote.compiler import compile_file
from ironmote.interpreter import board_environment, find_micropython
from ironmote.simulate import SimulatedMote

ROOMY = "heapsize=4000000"
SENSORS = [
    {"kind": "bme280", "address": 118, "names": {"temperature": "temperature"}},
    {"kind": "bh1750", "address": 35, "names": {"illuminance": "light"}},
    {"kind": "ds18b20", "names": {"temperature": "water"}},
]
USE_ALL = """
import machine, network, time, onewire, ds18x20, ntptime, _hardware
kept = [machine.RTC(), machine.SoftI2C(scl=machine.Pin({scl}), sda=machine.Pin({sda}), freq=100000), machine.WDT()]
kept += [machine.Pin(pin, machine.Pin.OUT) for pin in {pins}]
kept += [machine.PWM(machine.Pin(pin), freq=1000, duty_u16=0) for pin in {dimmers}]
kept.append(machine.Timer(-1))
kept[-1].init(period=1000, mode=machine.Timer.PERIODIC, callback=print)
kept.append(network.WLAN(network.STA_IF))
kept[-1].active(True)
for part in _hardware.parts("i2c").values():
    part._feel()
for pin in {analog}:
    machine.ADC(pin)
try:
    import esp32
except ImportError:
    pass
"""
ALLOCATED = "import gc\ngc.collect()\nprint(gc.mem_alloc())\n"


def settings(profile: Profile) -> dict[str, Any]:
    pins = profile.wiring
    actuators = [
        {"kind": "relay", "name": "relay", "pin": pins.relay, "safe": 0},
        {"kind": "dimmer", "name": "dimmer", "pin": pins.dimmer, "safe": 0, "freq_hz": 1000},
    ]
    return {
        "v": 1, "mote": "bench", "fleet": bytes(16), "board": profile.name, "zone": "home", "generation": 1,
        "channel": "auto", "floor": "sealed", "room": profile.room, "wifi": {"ssid": "bench"},
        "broker": {"host": "127.0.0.1", "port": 1, "name": "localhost"}, "connect": "static", "keepalive_s": 30,
        "timeout_ms": 10000, "sample_ms": 1000, "command_age_s": 60, "clock_floor": 1760000000, "ntp": "",
        "i2c": {"sda": pins.i2c_sda, "scl": pins.i2c_scl, "freq_hz": 100000}, "onewire": {"pin": pins.onewire},
        "sensors": SENSORS, "actuators": actuators, "led": 2, "outbox": 32,
    }  # fmt: skip


def run(*arguments: str) -> int:
    command = [*find_micropython(), "-X", ROOMY, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=board_environment())
    return int(done.stdout.split()[-1])


def top_level(text: str) -> Iterator[str]:
    """The names that a module gives itself: they stay global, or its functions would become closures."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.col_offset == 0:
            yield node.id
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.col_offset == 0:
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom) and node.col_offset <= 4:
            yield from ((alias.asname or alias.name).split(".")[0] for alias in node.names)


def put_code(profile: Profile, sources: list[Path], folder: Path) -> str:
    """Put `sources` into `folder`, wrapped; return the program that loads them all and runs none."""
    for number, source in enumerate(sources):
        text = source.read_text()
        wrapped = folder / f"m{number}.py"
        names = ", ".join(sorted(set(top_level(text)) | {"_"}))
        wrapped.write_text(f"def _():\n global {names}\n" + "".join(f" {line}\n" for line in text.splitlines()))
        made = compile_file(wrapped, source.name, profile.optimise, profile.small_int_bits)
        (folder / f"m{number}.mpy").write_bytes(made)
        wrapped.unlink()
    return "".join(f"import m{number}\n" for number in range(len(sources)))


def loaded(mote: SimulatedMote, fields: dict[str, Any]) -> list[str]:
    """The modules that a sealed mote with these settings holds while it runs, its settings once read: paths."""
    names = ["mote.app", "mote.aead", "mote.actuators.held", "mote.pins", "mote.trial"]
    names += [f"mote.{folder}.{spec['kind']}" for folder in ("sensors", "actuators") for spec in fields[folder]]
    names += [f"mote.{part}" for part in ("values", "rules") if fields.get(part)]
    program = "".join(f"import {name}\n" for name in names)
    program += "import sys\nprint(*[name for name in sys.modules if name.startswith('mote')])\n"
    (mote.folder / "board" / "held.py").write_text(program)  # an argument of MicroPython has 254 bytes
    command = [*find_micropython(), "-X", ROOMY, str(tree.find().board / "start.py"), str(mote.folder)]
    done = subprocess.run(
        [*command, "--code", "import held"], capture_output=True, text=True, check=True, env=board_environment()
    )
    found = {name.replace(".", "/") for name in done.stdout.split()}
    return [path for path in device.modules(fields) if path.removesuffix(".py").removesuffix("/__init__") in found]


def use_all(fields: dict[str, Any]) -> str:
    """The program that has every simulated part of such a mote measure once, with all else that it may use."""
    pins = {kind: [each["pin"] for each in fields["actuators"] if each["kind"] == kind] for kind in ("relay", "dimmer")}
    analog = [each["pin"] for each in fields["sensors"] if each["kind"] in ("ntc", "ldr")]
    i2c = fields["i2c"]
    return USE_ALL.format(scl=i2c["scl"], sda=i2c["sda"], pins=pins["relay"], dimmers=pins["dimmer"], analog=analog)


def measure(profile: Profile, change: dict[str, Any]) -> tuple[int, int]:
    """The bytes of simulated heap that code and simulation take where the settings are `change` beside the usual."""
    fields = settings(profile) | change
    with tempfile.TemporaryDirectory() as scratch:
        mote = SimulatedMote(profile, fields, {}, {}, Path(scratch) / "board", wifi={})
        mote.build()
        modules = [tree.find().mote.parent / path for path in loaded(mote, fields)]
        modules += [packages.fetch(name) / pin.modules[0] for name, pin in packages.pins().items()][:1]
        found = []
        # In one process, since the table of names, which a board has in flash too, grows by doubling.
        for code in ("", put_code(profile, modules, mote.folder / "board")):
            (mote.folder / "board" / "used.py").write_text(use_all(fields) + code + ALLOCATED)
            found.append(run(str(tree.find().board / "start.py"), str(mote.folder), "--code", "import used"))
    return found[1] - found[0], found[0] - run("-c", ALLOCATED)


def main() -> None:
    print(f"{'board':8} {'':6} {'code':>10} {'simulation':>10}   bytes of simulated heap")
    for name, what, change in (("esp32", "", {}), ("esp8266", "", {}), ("esp8266", "fits", full_board.FITS)):
        code, simulation = measure(boards.load(name), change)
        print(f"{name:8} {what:6} {code:10} {simulation:10}")


if __name__ == "__main__":
    main()
