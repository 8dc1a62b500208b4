"""A mote on a simulated board: the device's own files, run by MicroPython's unix port as a process of its own."""

import ast
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mote.channel import Facts

from . import board_folder, child, device, provision
from .boards import Profile
from .errors import BoardError
from .interpreter import board_command, board_environment
from .supervisor import Supervisor, essence

_MEASURE_S = 60.0
_FACTS_MARK = "facts:"


class SimulatedMote:
    """One mote on a simulated board.

    Call `build`, perhaps `measure`, then `start`; `settings`, `secrets` and `public` may be changed and `build` called
    again while it is stopped. `on_line` gets every console line, from a thread of this object. What resets the board
    starts it again (ironmote.supervisor).
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
        longest_sleep_s: float = threading.TIMEOUT_MAX,
        speed: int = 1,
    ) -> None:
        """`wifi` are the access points in the air, one or several, by default those that settings and secrets name.

        `parts` are those on the buses, by default one for each sensor of the settings, and contacts of relays.
        `faults` lets faults.json in the folder put faults on them. Of a deep sleep no more than `longest_sleep_s` are
        waited for. The board's time runs `speed` times as fast as ours, its clock does not.
        """
        self.profile = profile
        self.settings = settings
        self.secrets = secrets
        self.public = public
        self.folder = folder
        self.flash_bytes = 0  # of the board's file system
        self.frozen_bytes = 0  # of what its image holds of ours
        self._board = board_folder.BoardFolder(folder, profile)
        self._world = dict(world or {"kind": "room"})
        self._wifi = wifi
        self._parts = parts
        self._time_offset_s = time_offset_s
        self._faults = faults
        self._speed = speed
        self._supervisor = Supervisor(self._board, self._name, on_line, longest_sleep_s)

    @property
    def alive(self) -> bool:
        """True from `start` until it is stopped, or its program ends."""
        return self._supervisor.alive

    @property
    def restarts(self) -> int:
        """How many times its board was reset, or woke, since it was made."""
        return self._supervisor.restarts

    @property
    def exit_reason(self) -> str | None:
        """Why it does not run any more; None while it does, or before."""
        return self._supervisor.exit_reason

    @property
    def pid(self) -> int | None:
        """The process that is its board now; None while that is off, asleep or between a reset and its start."""
        return self._supervisor.pid

    @property
    def console(self) -> list[str]:
        """The last console lines."""
        return list(self._supervisor.console)

    def build(self) -> None:
        """Make the board's folder and provision it.

        Of an earlier `build` files and the named secrets are replaced and root keys erased; what else the board wrote
        stays.
        """
        frozen = device.frozen_modules(self.profile)
        flash = device.build_flash(self.profile, self.settings, self.public)
        self.flash_bytes = sum(map(len, flash.values()))
        self.frozen_bytes = sum(map(len, frozen.values()))
        self._board.make(frozen, self._hardware())
        self._board.provision(provision.plan(flash, self.secrets))

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
        raise BoardError(f"{self._name}: the board cannot be measured: {essence(said.splitlines())}")

    def start(self) -> None:
        """Switch the board on. Raises BoardError when it is on already, MissingTool when there is no MicroPython."""
        self._supervisor.start(board_command(self.profile, self.folder))

    def stop(self) -> None:
        """Cut the board's power. Does nothing when it is off."""
        self._supervisor.stop()

    def bite(self) -> None:
        """Have the watchdog bite now, as if the program hung; nothing happens while the board is off or asleep."""
        self._supervisor.bite()

    @property
    def _name(self) -> str:
        return str(self.settings.get("mote", self.profile.name))

    def _hardware(self) -> dict[str, Any]:
        wifi = self._wifi
        if wifi is None:
            names = [self.settings["wifi"]["ssid"], *(self.settings["wifi"].get("more") or ())]
            vault = ["wifi", *(f"wifi{number}" for number in range(1, len(names)))]
            wifi = [
                {"ssid": name, "password": self.secrets.get(key, b"").decode()}
                for name, key in zip(names, vault, strict=True)
            ]
        return board_folder.hardware(
            self.profile,
            self._name,
            self.settings,
            wifi,
            self._parts,
            self._world,
            self._time_offset_s,
            self._faults,
            self._speed,
        )
