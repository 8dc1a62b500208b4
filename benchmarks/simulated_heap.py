"""What the simulation takes of a simulated board's heap: the numbers in firmware/boards/*.toml, [simulation].

    python benchmarks/simulated_heap.py

Code: a board holds its frozen modules in flash; the simulation loads them into the heap. Each module's source is put
into a function that is never called, so that importing it takes the heap that its code takes and nothing else.
Simulation: start.py and the simulated hardware, with every part and every class in use.
"""

import ast
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

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
ACTUATORS = [
    {"kind": "relay", "name": "relay", "pin": 5, "safe": 0},
    {"kind": "dimmer", "name": "dimmer", "pin": 13, "safe": 0, "freq_hz": 1000},
]
USE_ALL = """
import machine, network, time, onewire, ds18x20, ntptime, _hardware
machine.RTC, machine.WDT, machine.Pin, machine.PWM, machine.I2C
_hardware.parts("i2c")
try:
    import esp32
except ImportError:
    pass
"""
ALLOCATED = "import gc\ngc.collect()\nprint(gc.mem_alloc())\n"


def settings(profile: Profile) -> dict[str, object]:
    return {
        "v": 1, "mote": "bench", "fleet": bytes(16), "board": profile.name, "zone": "home", "generation": 1,
        "channel": "auto", "floor": "sealed", "room": profile.room, "wifi": {"ssid": "bench"},
        "broker": {"host": "127.0.0.1", "port": 1, "name": "localhost"}, "connect": "static", "keepalive_s": 30,
        "timeout_ms": 10000, "sample_ms": 1000, "command_age_s": 60, "clock_floor": 1760000000, "ntp": "",
        "i2c": {"sda": 21, "scl": 22, "freq_hz": 100000}, "onewire": {"pin": 4},
        "sensors": SENSORS, "actuators": ACTUATORS, "led": 2, "outbox": 32,
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


def code_bytes(profile: Profile, sources: list[Path], folder: Path) -> int:
    """The heap that the code of `sources` takes, without the objects that running it would make."""
    for number, source in enumerate(sources):
        text = source.read_text()
        wrapped = folder / f"m{number}.py"
        names = ", ".join(sorted(set(top_level(text)) | {"_"}))
        wrapped.write_text(f"def _():\n global {names}\n" + "".join(f" {line}\n" for line in text.splitlines()))
        made = compile_file(wrapped, source.name, profile.optimise, profile.small_int_bits)
        (folder / f"m{number}.mpy").write_bytes(made)
        wrapped.unlink()
    imports = "".join(f"import m{number}\n" for number in range(len(sources)))
    begin = f"import sys\nsys.path[:] = ['{folder}']\n"
    return run("-c", begin + imports + ALLOCATED) - run("-c", begin + ALLOCATED)


def main() -> None:
    root = tree.find().mote.parent
    nothing = run("-c", ALLOCATED)
    print(f"{'board':8} {'mote code':>10} {'umqtt code':>10} {'simulation':>10}   bytes of simulated heap")
    for name in ("esp32", "esp8266"):
        profile = boards.load(name)
        with tempfile.TemporaryDirectory() as scratch:
            mote = SimulatedMote(profile, settings(profile), {}, {}, Path(scratch) / "board", wifi={})
            mote.build()
            simulation = run(str(tree.find().board / "start.py"), str(mote.folder), "--code", USE_ALL + ALLOCATED)
            modules = [root / path for path in device.modules(settings(profile)) if not path.endswith("/tls.py")]
            umqtt = [packages.fetch(name) / pin.modules[0] for name, pin in packages.pins().items()]
            for kind in ("mote", "umqtt"):
                (Path(scratch) / kind).mkdir()
            mote_code = code_bytes(profile, modules, Path(scratch) / "mote")
            umqtt_code = code_bytes(profile, umqtt[:1], Path(scratch) / "umqtt")
        print(f"{name:8} {mote_code:10} {umqtt_code:10} {simulation - nothing:10}")


if __name__ == "__main__":
    main()
