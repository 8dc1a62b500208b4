"""MicroPython's raw prompt at the other end of a cable: the only module that knows mpremote and its serial port.

What goes wrong on the way is a BoardError of one line; it holds what the board said of its error, never what it was
told to do.
"""

import contextlib
import io
import os
import re
import struct
import time
from collections.abc import Callable, Iterator

import serial
from mpremote.transport import TransportError, TransportExecError
from mpremote.transport_serial import SerialTransport
from serial.tools import list_ports

from .errors import BoardError
from .supervisor import essence

_OPEN_S = 15.0  # a port whose chip is its own USB goes away at a reset, and comes back
_FRESH_S = 30.0
_BYTE_S = 5.0  # what is asked for in one piece has to come in
_SAY_S = 60.0  # between two bytes of an answer: a board that erases flash, or hashes it, is silent
_INTERRUPT_S = 0.1
_INTERRUPT = b"\r\x03\x02"  # Ctrl-C ends what runs, Ctrl-B leaves a raw prompt that somebody left behind
_RESET = "import machine\nmachine.reset()"
_TRIES = 3
_FRIENDLY = b">>> "
_PROMPT_BYTES = len(_FRIENDLY)
# What is believed of a board, which may be anybody's: an answer, what it says before it is interrupted, a line.
_LONGEST_ANSWER, _ANSWER_S = 2**18, 300.0
_LONGEST_TALK = 2**25
_LONGEST_LINE = 4096


def ports() -> list[str]:
    """The serial ports that lead to USB devices."""
    return sorted(port.device for port in list_ports.comports() if port.vid is not None)


def only_port() -> str:
    """The one serial port there is. Raises BoardError where there is none, or where there are several."""
    found = ports()
    if not found:
        raise BoardError("no board found: plug it in by a cable that carries data, or name its port with --port")
    if len(found) > 1:
        raise BoardError(f"there are several serial ports, choose one with --port: {', '.join(found)}")
    return found[0]


def console(port: str) -> Iterator[str]:
    """The lines that the board at `port` prints, as they come; nothing is sent. Raises BoardError when it is cut."""
    with _in_words(port):
        line = _open(port)
    try:
        unfinished = b""
        while True:
            with _in_words(port):
                data = line.serial.read(max(1, line.serial.in_waiting))
            *lines, unfinished = (unfinished + data).split(b"\n")
            if len(unfinished) > _LONGEST_LINE:
                lines, unfinished = [*lines, unfinished], b""
            for each in lines:
                yield each.decode(errors="replace").rstrip()
    finally:
        with contextlib.suppress(OSError):
            line.close()


class _Meter:
    """The `read` of a serial port, which gives up a board that talks without end: mpremote would keep all of it."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self.expect(_LONGEST_TALK)

    def expect(self, count: int) -> None:
        """Take so many bytes from now on."""
        self._left = count
        self._until = time.monotonic() + _ANSWER_S

    def __call__(self, size: int = 1) -> bytes:
        data = self._read(size)
        self._left -= len(data)
        if self._left < 0 or time.monotonic() > self._until:
            raise TransportError("it talks without end, as no board of ours does; unplug it, and ironmote flash it")
        return data


class Prompt:
    """The prompt of the board at `port`; use it with `with`. Raises BoardError, as all its methods do."""

    def __init__(self, port: str) -> None:
        self.port = port
        with _in_words(port):
            self._reached(_open(port))

    def _reached(self, line: SerialTransport) -> None:
        self._line = line
        self._meter = line.serial.read = _Meter(line.serial.read)

    def __enter__(self) -> "Prompt":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the port."""
        with contextlib.suppress(OSError):
            self._line.close()

    def stop(self) -> None:
        """Reset the board and interrupt it before its program runs: no watchdog waits, and its memory is free.

        A watchdog that the program has started cannot be stopped, and would reset the board in the middle of things.
        """
        with _in_words(self.port):
            for left in reversed(range(_TRIES)):
                self._interrupt()
                try:
                    self._line.exec_raw_no_follow(_RESET)
                    break
                except (TransportError, struct.error):  # it was reset already, by that watchdog
                    if not left:
                        raise
            time.sleep(_INTERRUPT_S)
            self._interrupt()
            self._line.exec_raw("pass")  # it takes an interrupt that came late

    def run(self, code: str) -> str:
        """Run `code` on the board and return what it printed."""
        with _in_words(self.port):
            self._meter.expect(_LONGEST_ANSWER)
            # Of what failed on the board, only the board's own words: the code may hold a secret.
            said, error = self._line.exec_raw(code, timeout=_SAY_S)
        if error:
            raise BoardError(f"{self.port}: {_complaint(error.decode(errors='replace'))}")
        text: str = said.decode(errors="replace").replace("\r\n", "\n")
        return text

    def reset(self) -> None:
        """Start the board anew, its program too."""
        with _in_words(self.port):
            self._line.exec_raw_no_follow(_RESET)

    def _interrupt(self) -> None:
        """Interrupt what runs, boot.py and then main.py, until the prompt is there, and make it the raw one."""
        deadline = time.monotonic() + _FRESH_S
        said = b""
        self._meter.expect(_LONGEST_TALK)
        while said != _FRIENDLY:
            if time.monotonic() > deadline:
                raise TransportError("it shows no prompt of MicroPython; is firmware on it? (ironmote flash)")
            try:
                self._line.serial.write(_INTERRUPT)
                time.sleep(_INTERRUPT_S)
                said = (said + self._line.serial.read(self._line.serial.in_waiting))[-_PROMPT_BYTES:]
            except OSError:
                self.close()
                self._reached(_open(self.port, _OPEN_S))
        self._meter.expect(_LONGEST_ANSWER)
        with contextlib.redirect_stdout(io.StringIO()):  # the library prints what it did not expect
            self._line.enter_raw_repl(soft_reset=False)


def _open(port: str, wait_s: float = 0) -> SerialTransport:
    """Open `port`; one that was there may come back only within `wait_s` seconds."""
    deadline = time.monotonic() + wait_s
    while True:
        try:
            return SerialTransport(port, timeout=_BYTE_S)
        except TransportError:
            if time.monotonic() >= deadline:
                why = "is used by another program, or not yours to open" if os.path.exists(port) else "is not there"
                raise TransportError(f"this port {why}") from None
            time.sleep(_INTERRUPT_S)


@contextlib.contextmanager
def _in_words(port: str) -> Iterator[None]:
    try:
        yield
    except TransportExecError as error:
        raise BoardError(f"{port}: {_complaint(error.error_output)}") from None
    except TransportError as error:
        raise BoardError(f"{port}: {str(error).splitlines()[0]}") from None
    except (OSError, serial.SerialException, struct.error):
        raise BoardError(
            f"{port}: the line to the board was cut; plug it in and try again, it goes on from there"
        ) from None


def _complaint(traceback: str) -> str:
    """The last line of a traceback, or what it means to whoever provisions."""
    last = essence(traceback.splitlines())
    if re.search(r"\b28\b", last) or "NOT_ENOUGH_SPACE" in last:
        return "its flash is full; remove files that are not the mote's, or erase it (ironmote flash --erase)"
    if last.startswith("ImportError") and "'mote" in last:
        return "its firmware has no mote in it, as a board of this kind needs; build it with firmware/manifest.py"
    return f"the board says {last!r}"
