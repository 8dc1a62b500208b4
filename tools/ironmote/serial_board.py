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
from collections.abc import Callable, Sequence
from pathlib import Path

from . import child
from .board_folder import BoardFolder
from .boards import Profile
from .errors import MissingTool
from .interpreter import board_command, board_environment
from .supervisor import SOFT_RESET, Supervisor

_CHUNK = 4096
_RESET, _SOFT, _RAW = "reset", "soft", "raw"  # how the board is started: start.py's words
_RAW_END = b"OK\r\n"  # what the raw REPL says last before a soft reset
_ENTER_RAW = b"\x01"
_BARE_NEWLINE = re.compile(rb"(?<!\r)\n")
_CONTROLLING = (  # Ctrl-C is for the process whose terminal this is
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)


class SerialBoard:
    """The board in `folder`, of the kind `profile`; `on_line` gets every console line.

    It is off and without a cable until `plug`. Raises MissingTool where the system has no pseudo-terminals.
    """

    def __init__(self, folder: Path, profile: Profile, on_line: Callable[[str], None] = lambda line: None) -> None:
        if not hasattr(os, "openpty"):
            raise MissingTool("a simulated board on a serial line needs pseudo-terminals: Linux or macOS")
        self._command = board_command(profile, folder)
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

        _set(its, termios.ISIG | termios.NOFLSH)
        os.set_blocking(self._terminal, False)
        environment = {name: value for name, value in board_environment().items() if name != "HOME"}  # of its history
        wrapped = [sys.executable, "-I", "-S", "-c", _CONTROLLING, *command, "--serial", self._how]
        try:
            return child.spawn(wrapped, env=environment, output=its, source=its)
        except OSError:
            os.close(self._terminal)
            raise
        finally:
            os.close(its)

    def _read_console(self, process: subprocess.Popen[bytes]) -> None:
        terminal, line = self._terminal, self.line.board
        # Not before it is up: until then Ctrl-C would end the process, not what the board runs.
        up = False
        to_board = _ENTER_RAW if self._how == _RAW else b""
        self._said = unfinished = b""
        try:
            while True:
                sources = [terminal] if not up or to_board else [terminal, line]
                readable, writable, _ = select.select(sources, [terminal] if up and to_board else [], [])
                if terminal in readable:
                    data = _cooked(self._said, _read(terminal))
                    if not data:
                        return
                    up = True
                    self._said = (self._said + data)[-len(_RAW_END) :]
                    with contextlib.suppress(OSError):
                        os.write(line, data)  # what does not fit, since nobody listens, is lost
                    *lines, unfinished = (unfinished + data).split(b"\n")
                    for each in lines:
                        self._say(each.decode(errors="replace").rstrip())
                if writable:
                    to_board = to_board[os.write(terminal, to_board) :]
                if line in readable:
                    to_board = _read(line)
        finally:
            os.close(terminal)

    def _pause_after(self, status: int) -> float | None:
        if status in (0, SOFT_RESET):  # asked for at the prompt, or by the program
            self._how = _RAW if self._said.endswith(_RAW_END) else _SOFT
            self.folder.note_cause("SOFT_RESET")
            return 0
        self._how = _RESET
        return super()._pause_after(status)


def _set(terminal: int, local: int) -> None:
    """Have `terminal` pass every byte as it is; `local` are the local modes that are on, in which Ctrl-C interrupts."""
    import termios
    import tty

    tty.setraw(terminal)
    modes = termios.tcgetattr(terminal)
    modes[3] |= local
    modes[6][termios.VINTR] = b"\x03"
    for other in (termios.VQUIT, termios.VSUSP):
        modes[6][other] = b"\xff" if sys.platform == "darwin" else b"\0"  # none
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
