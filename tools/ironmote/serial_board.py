"""A simulated board on a serial line: a device that mpremote opens, and MicroPython's own prompt at its other end.

    mpremote ── pty, `port` ── this object ── another pty ── the board's process (tools/board/start.py --serial)

The process does what the firmware does: it runs boot.py and main.py, is interrupted by Ctrl-C, and speaks the friendly
and the raw REPL. This object does what is around it: what is said while nobody listens is lost, as on a UART; a soft
reset at the prompt and a hard one by the program start the process again; and the cable can be pulled.
"""

import contextlib
import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from . import child
from .board_folder import BoardFolder
from .boards import Profile
from .errors import MissingTool
from .interpreter import INTERRUPT, board_environment, interruptible_board_command
from .supervisor import SOFT_RESET, Supervisor

_CHUNK = 4096
_RESET, _SOFT, _RAW = "reset", "soft", "raw"  # how the board is started: start.py's words
_RAW_END = b"OK\r\n"  # what the raw REPL says last before a soft reset
_ENTER_RAW = b"\x01"
_CTRL_C = b"\x03"
_PATIENCE_S = 2.0  # a program that never waits is interrupted where it is
_AGAIN_S = 0.002
_BARE_NEWLINE = re.compile(rb"(?<!\r)\n")


class SerialBoard:
    """The board in `folder`, of the kind `profile`; `on_line` gets every console line.

    It is off and without a cable until `plug`. Raises MissingTool where the system has no pseudo-terminals.
    """

    def __init__(self, folder: Path, profile: Profile, on_line: Callable[[str], None] = lambda line: None) -> None:
        if not hasattr(os, "openpty"):
            raise MissingTool("a simulated board on a serial line needs pseudo-terminals: Linux or macOS")
        self._command = interruptible_board_command(profile, folder)
        self._attendant = _Attendant(BoardFolder(folder, profile), profile.name, on_line)

    @property
    def port(self) -> str:
        """The device that the cable leads to; another one after each `plug`."""
        return self._attendant.line.port

    @property
    def starts(self) -> int:
        """How often the board was started again since it was made: by resets, a watchdog, waking up."""
        return self._attendant.restarts

    @property
    def console(self) -> list[str]:
        """The last lines that the board printed, whether or not somebody listened."""
        return list(self._attendant.console)

    def plug(self) -> None:
        """Plug in the cable, which is the board's power too."""
        self._attendant.line.open()
        self._attendant.start(self._command)

    def pull(self) -> None:
        """Pull the cable: the power goes, and then the line. Does nothing where it is not plugged in."""
        self._attendant.stop()
        self._attendant.line.close()

    def bite(self) -> None:
        """Have the watchdog bite now."""
        self._attendant.bite()


class _Line:
    """The cable: a pty whose other side, `port`, a program at the host opens."""

    def __init__(self) -> None:
        self.port = ""
        self.board = -1  # the board's side
        self._host = -1

    def open(self) -> None:
        self.board, self._host = os.openpty()
        _set(self._host, 0)
        os.set_blocking(self.board, False)
        # The host's side stays open here, or the line would hang up whenever a program closes its own.
        self.port = os.ttyname(self._host)

    def close(self) -> None:
        for end in (self.board, self._host):
            if end >= 0:
                os.close(end)
        self.board = self._host = -1


class _Attendant(Supervisor):
    """Runs the board's process, its stdin and stdout a terminal, and carries bytes between that and the line."""

    def __init__(self, folder: BoardFolder, name: str, on_line: Callable[[str], None]) -> None:
        super().__init__(folder, name, on_line)
        self.line = _Line()
        self._terminal = -1  # our side of the process's
        self._how = _RESET  # it starts next
        self._typed = b""  # before it is there
        self._said = b""  # last, before it ended

    def start(self, command: Sequence[str]) -> None:
        self._how = _RESET
        super().start(command)

    def _begin(self) -> None:
        if self._how == _RESET:  # a watchdog that runs goes on through a soft reset
            super()._begin()

    def _spawn(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        self._terminal, its = os.openpty()
        import termios

        _set(its, termios.ISIG)  # no key does anything, but it tells a program that runs from the prompt
        os.set_blocking(self._terminal, False)
        environment = {name: value for name, value in board_environment().items() if name != "HOME"}  # of its history
        self._typed = _ENTER_RAW if self._how == _RAW else b""
        try:
            return child.spawn([*command, "--serial", self._how], env=environment, output=its, source=its)
        except OSError:
            os.close(self._terminal)
            raise
        finally:
            self._how = _RESET  # unless it ends in another way
            os.close(its)

    def _read_console(self, process: subprocess.Popen[bytes]) -> None:
        keys = _Keys(self._terminal, process.pid, self._typed)
        line = self.line.board
        up = False  # until then an interrupt would end the process, not what the board runs
        self._said = unfinished = b""
        try:
            while True:
                wait_s = keys.press() if up else None
                sources = [self._terminal, line] if up and wait_s is None else [self._terminal]
                readable, _, _ = select.select(sources, [], [], wait_s)
                if self._terminal in readable:
                    data = _cooked(self._said, _read(self._terminal))
                    if not data:
                        return
                    up = True
                    self._said = (self._said + data)[-len(_RAW_END) :]
                    with contextlib.suppress(OSError):
                        os.write(line, data)  # what does not fit, since nobody listens, is lost
                    *lines, unfinished = (unfinished + data).split(b"\n")
                    for each in lines:
                        self._say(each.decode(errors="replace").rstrip())
                if line in readable:
                    keys.add(_read(line))
        finally:
            os.close(self._terminal)

    def _pause_after(self, status: int) -> float | None:
        if status in (0, SOFT_RESET):  # asked for at the prompt, or by the program
            self._how = _RAW if self._said.endswith(_RAW_END) else _SOFT
            self.folder.note_cause("SOFT_RESET")
            return 0
        return super()._pause_after(status)


class _Keys:
    """What was typed for the process `pid`, until its terminal has taken it; `first` was typed before it was there.

    Ctrl-C is a key to the prompt and a signal to a program. The signal is kept back until the process waits for
    something: one that just ended would have it come to the prompt.
    """

    def __init__(self, terminal: int, pid: int, first: bytes) -> None:
        self._terminal = terminal
        self._pid = pid
        self._waiting = first
        self._late = 0.0

    def add(self, data: bytes) -> None:
        self._waiting += data

    def press(self) -> float | None:
        """Type what can be typed; gives the seconds after which to try again, None where nothing is left."""
        while self._waiting:
            piece = self._waiting.partition(_CTRL_C)[0] or _CTRL_C
            if piece != _CTRL_C or self._at_prompt():
                try:
                    self._waiting = self._waiting[os.write(self._terminal, piece) :]
                except BlockingIOError:
                    return _AGAIN_S
                continue
            self._late = self._late or time.monotonic() + _PATIENCE_S
            if _waits(self._pid) or time.monotonic() > self._late:
                self._late = 0.0
                self._waiting = self._waiting[len(_CTRL_C) :]
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._pid, INTERRUPT)
            return _AGAIN_S  # what it does to the process has to be seen before the next
        return None

    def _at_prompt(self) -> bool:
        import termios

        return not termios.tcgetattr(self._terminal)[3] & termios.ISIG  # it reads keys with everything switched off


def _waits(pid: int) -> bool:
    """True where the process `pid` waits for something."""
    try:
        if sys.platform == "linux":
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"
        done = subprocess.run(["/bin/ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True)
    except (OSError, IndexError):
        return True
    return done.stdout.strip().startswith(("S", "I"))


def _set(terminal: int, local: int) -> None:
    """Have `terminal` pass every byte as it is; `local` are local modes that are on all the same."""
    import termios
    import tty

    tty.setraw(terminal)
    modes = termios.tcgetattr(terminal)
    modes[3] |= local
    for key in (termios.VINTR, termios.VQUIT, termios.VSUSP):
        modes[6][key] = b"\xff" if sys.platform == "darwin" else b"\0"  # none
    termios.tcsetattr(terminal, termios.TCSANOW, modes)


def _read(end: int) -> bytes:
    """What is there; nothing once the other side is closed, which Linux calls an error."""
    try:
        return os.read(end, _CHUNK)
    except OSError:
        return b""


def _cooked(before: bytes, data: bytes) -> bytes:
    """`data`, with a carriage return before each newline that lacks one: what firmware sends. `before` came before."""
    end = b"\r" if before.endswith(b"\r") else b""
    return _BARE_NEWLINE.sub(b"\r\n", end + data)[len(end) :] if data else b""
