"""The process of a simulated board: started again by whatever resets a board, ended when its power is cut."""

import collections
import contextlib
import subprocess
import threading
from collections.abc import Callable, Sequence

from . import child
from .board_folder import BoardFolder
from .errors import BoardError
from .interpreter import board_environment

# How a simulated board's process ends, by its exit status (tools/board/start.py).
RESET, DEEP_SLEEP, SOFT_RESET = 71, 72, 73

_CONSOLE_LINES = 200
_BOOT_S = 0.2  # a board that resets in a loop does not do so faster
_WATCH_S = 0.1
_LOOKS = 5  # in which a watchdog that is overdue may still be fed: a machine that stood still is no program that hangs


class Supervisor:
    """Runs the board in a folder.

    Whatever resets the board (machine.reset, deep sleep, a watchdog that was not fed) starts it again, as on hardware;
    a program that ends does not, since a board would then wait at its prompt: `alive` is False and `exit_reason` says
    why. `on_line` gets every console line, from a thread of this object.
    """

    def __init__(
        self,
        folder: BoardFolder,
        name: str,
        on_line: Callable[[str], None],
        longest_sleep_s: float = threading.TIMEOUT_MAX,
    ) -> None:
        """Of a deep sleep no more than `longest_sleep_s` are waited for; for the board all of it has passed."""
        self.folder = folder
        self.name = name
        self._longest_sleep_s = longest_sleep_s
        self.restarts = 0
        self.exit_reason: str | None = None
        self.console: collections.deque[str] = collections.deque(maxlen=_CONSOLE_LINES)
        self._on_line = on_line
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._biting = threading.Event()

    @property
    def alive(self) -> bool:
        """True from `start` until it is stopped, or its program ends."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def pid(self) -> int | None:
        """The process that is the board now; None while it is off, asleep or between a reset and its start."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self, command: Sequence[str]) -> None:
        """Switch the board on: run `command`. Raises BoardError when it is on already."""
        if self.alive:
            raise BoardError(f"{self.name} is running already")
        self.exit_reason = None
        self._stopping.clear()
        self.folder.switch_on()
        self._thread = threading.Thread(target=self._supervise, args=(command,), name=self.name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Cut the board's power. Does nothing when it is off."""
        self._stopping.set()
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                self._process.kill()
        if self._thread is not None:
            self._thread.join()

    def bite(self) -> None:
        """Have the watchdog bite now, as if the program hung; nothing happens while the board is off or asleep."""
        self._biting.set()

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
        self._begin()
        self._biting.clear()
        with self._lock:
            if self._stopping.is_set():
                return None
            process = self._spawn(command)
            self._process = process
        reader = threading.Thread(target=self._read_console, args=(process,), daemon=True)
        reader.start()
        bitten = False
        overdue = 0
        while process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_WATCH_S)
            overdue = overdue + 1 if self.folder.watchdog_bites() else 0
            if overdue >= _LOOKS or self._biting.is_set():
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
            self.folder.note_cause("WDT_RESET")
            return 0
        if status == DEEP_SLEEP:
            # One that sleeps for good does so until it is stopped.
            asleep_s = self.folder.sleep_ms() / 1000 or threading.TIMEOUT_MAX
            waits_s = min(asleep_s, max(self._longest_sleep_s, _BOOT_S))
            if waits_s < asleep_s < threading.TIMEOUT_MAX:
                self.folder.skip(asleep_s - waits_s)
            return waits_s
        return self._pause_after(status)

    def _begin(self) -> None:
        self.folder.rest_watchdog()

    def _spawn(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        return child.spawn(command, env=board_environment(), output=subprocess.PIPE)

    def _pause_after(self, status: int) -> float | None:
        """The seconds until the board starts again after an end with `status`, or None: it does not."""
        if status in (RESET, SOFT_RESET):
            return 0
        if status in (0, 1):
            self.exit_reason = f"its program ended: {essence(self.console)}"
        else:
            self.exit_reason = f'{child.how_it_ended(status)}; its console ended with "{essence(self.console)}"'
        return None

    def _read_console(self, process: subprocess.Popen[bytes]) -> None:
        if process.stdout is None:
            return
        with process.stdout:
            for line in process.stdout:
                self._say(line.decode(errors="replace").rstrip())

    def _say(self, line: str) -> None:
        self.console.append(line)
        self._on_line(line)


def essence(lines: Sequence[str] | collections.deque[str]) -> str:
    """The last thing said that is not empty: of a traceback, the line that names the error."""
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
