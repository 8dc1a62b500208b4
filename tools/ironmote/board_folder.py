"""The folder of a simulated board, which holds what a board holds.

    board.json   the hardware: chip, parts on its buses, access point in the air, the world around it
    flash/       the file system            nvs/        non-volatile storage, secrets among it
    firmware/    modules frozen in firmware board/      the simulated hardware itself, compiled
    reset_cause, rtc, wdt, sleep_ms, skipped_ms, pins.json          state that outlives the process

The simulated hardware (tools/board) reads and writes the same files.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mote import vault

from . import device, secret_files
from .boards import Profile
from .provision import Place, Write

_ID_DIGITS = {"esp8266": 8, "rp2": 16}  # of unique_id, where it is not a MAC address


class BoardFolder:
    """The folder at `path` of a board of the kind `profile`."""

    def __init__(self, path: Path, profile: Profile) -> None:
        self.path = path
        self._profile = profile

    def make(self, frozen: Mapping[str, bytes], hardware: Mapping[str, Any], files_stay: bool = False) -> None:
        """Make the board: its hardware and what is frozen in its firmware. What it keeps in flash and NVS stays.

        The modules in its file system do not, they go with the firmware, unless `files_stay`.
        """
        secret_files.make_folder(self.path)
        for stale in ("firmware", "board") if files_stay else ("flash/lib", "firmware", "board"):
            shutil.rmtree(self.path / stale, ignore_errors=True)
        for part, files in (("flash", {}), ("nvs", {}), ("firmware", frozen), ("board", device.simulation_modules())):
            (self.path / part).mkdir(exist_ok=True)
            for name, content in files.items():
                _write(self.path / part, name, content)
        # It holds the access point's password, which the air of a real house holds too.
        secret_files.write(self.path / "board.json", json.dumps(hardware))

    def provision(self, writes: Iterable[Write]) -> None:
        """Put what `writes` say onto the board, in their order."""
        secrets = self.path / ("nvs/" + vault.NAMESPACE if self._profile.nvs else "flash" + vault.FOLDER)
        for each in writes:
            if each.place is Place.FLASH:
                _write(self.path / "flash", each.name, each.content)
            else:
                secret_files.make_folder(secrets)
                secret_files.write(secrets / (f"{each.name}.blob" if self._profile.nvs else each.name), each.content)

    def read(self, path: str) -> bytes | None:
        """The content of a file in its file system; None where there is none."""
        try:
            return (self.path / "flash" / path.lstrip("/")).read_bytes()
        except FileNotFoundError:
            return None

    def switch_on(self) -> None:
        """Power comes on: no cause on record, no memory of a clock."""
        for lost in ("reset_cause", "rtc", "sleep_ms"):
            (self.path / lost).unlink(missing_ok=True)

    def rest_watchdog(self) -> None:
        """The board starts: no watchdog waits for it."""
        (self.path / "wdt").unlink(missing_ok=True)

    def watchdog_bites(self) -> bool:
        """True when machine.WDT was started and its last feed is longer ago than its timeout."""
        path = self.path / "wdt"
        try:
            timeout_ms = int(path.read_text() or 0)
            fed = path.stat().st_mtime
        except (OSError, ValueError):
            return False
        return time.time() - fed > timeout_ms / 1000

    def note_cause(self, cause: str) -> None:
        """Say to the board's next start why there is one: the name of a constant of `machine`, less "machine."."""
        (self.path / "reset_cause").write_text(cause)

    def sleep_ms(self) -> int:
        """For how long the board went to sleep; 0 is for good."""
        return int((self.path / "sleep_ms").read_text())

    def skip(self, seconds: float) -> None:
        """Let so much time pass for the board and its world without waiting for it; the board sleeps."""
        path = self.path / "skipped_ms"
        before = int(path.read_text()) if path.exists() else 0
        path.write_text(str(before + round(seconds * 1000)))


def hardware(
    profile: Profile,
    name: str,
    settings: Mapping[str, Any],
    wifi: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    parts: Sequence[Mapping[str, Any]] | None,
    world: Mapping[str, Any],
    time_offset_s: float,
    faults: bool,
    speed: int = 1,
) -> dict[str, Any]:
    """The content of board.json. `parts` are those on the buses, by default what the settings need."""
    if parts is None:
        parts = [_part_for(sensor, settings) for sensor in settings.get("sensors", ())]
        parts += [_contact_for(each) for each in settings.get("actuators", ()) if each.get("sense") is not None]
    return {
        "board": profile.name,
        "unique_id": _unique_id(profile, name),
        **chip(profile),
        "hide": list(profile.hide),
        "wifi": dict(wifi) if isinstance(wifi, Mapping) else [dict(each) for each in wifi],
        "parts": [dict(part) for part in parts],
        "i2c": settings.get("i2c") or {},
        "world": dict(world),
        "time_offset_s": time_offset_s,
        "faults": faults,
        "speed": speed,
    }


def chip(profile: Profile) -> dict[str, Any]:
    """What board.json says of the chip: its name, and a mask for each kind of pins.

    A desktop is simulated as an ESP32.
    """
    name = "esp32" if profile.port == "linux" else profile.chip.lower().replace("-", "")
    pins = profile.pins
    kinds = {
        "gpio": pins.usable,
        "input_only": pins.input_only,
        "adc": pins.adc,
        "adc_without_wifi": pins.adc_without_wifi,
    }
    return {"chip": name} | {kind: sum(1 << pin for pin in numbers) for kind, numbers in kinds.items()}


def _write(folder: Path, name: str, content: bytes) -> None:
    target = folder / name.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


def _unique_id(profile: Profile, name: str) -> str:
    """The number that the chip was made with, in hex: the same one at every build."""
    return hashlib.sha256(name.encode()).hexdigest()[: _ID_DIGITS.get(profile.port, 12)]


def _contact_for(actuator: Mapping[str, Any]) -> dict[str, Any]:
    """The contact by which a relay of the settings says what it does."""
    return {"part": "contact", "pin": actuator["sense"], "of": actuator["pin"], "low": bool(actuator.get("low"))}


def _part_for(sensor: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The part that a sensor of the settings talks to."""
    if sensor["kind"] == "ds18b20":
        serial = hashlib.sha256(str(settings.get("mote")).encode()).hexdigest()[:12]
        code = sensor["rom"].hex() if sensor.get("rom") else "28" + serial
        return {"part": "ds18b20", "pin": settings["onewire"]["pin"], "rom": code}
    if sensor["kind"] == "chip":
        return {"part": "chip", "pin": "die"}
    # What it needs, the simulated part is made from: its address, or its pin and its curve.
    return {"part": sensor["kind"]} | {key: value for key, value in sensor.items() if key not in ("kind", "names")}
