"""The console blocks of a document, run as a reader would: at a terminal, one command after another.

    $ ironmote add kitchen --board esp32       a command, as it is given to a shell; lines after > go on with it
    Passphrase of the key store:               what the terminal shows, and asks; `answers` of a Walk are typed
    …                                          more lines; as the last one: the command goes on, and others meanwhile

Standard output is no terminal, so that no table is cut to its width, and standard error is kept apart: how far a long
command is would be different each time.
"""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import subprocess
import termios
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

WAIT_S = 180.0
GOES_ON = "…"
INTERRUPTED = 130
_AGAIN = "The same again: "


@dataclass(frozen=True)
class Shown:
    """One command of a document, and what stands below it."""

    words: str
    printed: list[str] = field(default_factory=list)

    @property
    def goes_on(self) -> bool:
        return self.printed[-1:] == [GOES_ON]


def commands(text: str) -> list[Shown]:
    """The commands of all console blocks of `text`."""
    found: list[Shown] = []
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append(Shown(line[2:]))
            elif line.startswith("> ") and not found[-1].printed:
                found[-1] = Shown(f"{found[-1].words}\n{line[2:]}")
            else:
                found[-1].printed.append(line)
    return found


def fits(found: list[str], wanted: list[str]) -> bool:
    """True where the lines `found` are those `wanted`, any number of them for each `…`."""
    pattern = "".join("(?:.*\n)*?" if line == GOES_ON else re.escape(line) + "\n" for line in wanted)
    return re.fullmatch(pattern, "".join(line + "\n" for line in found)) is not None


class Running:
    """A command at a terminal of its own; `shown` is what its reader has seen, `aside` its standard error."""

    def __init__(
        self, words: str, cwd: Path, environment: Mapping[str, str], answers: Mapping[str, str], aside: Path
    ) -> None:
        self._answers = answers
        self._aside = aside
        self._typed = 0  # letters of what was asked that are answered
        self._last = ""
        self._asked = b""
        self._printed = b""
        self._screen, far = pty.openpty()
        with aside.open("wb") as errors:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", words], cwd=cwd, env=environment, stdin=far, stdout=subprocess.PIPE, stderr=errors,
                preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0), start_new_session=True,
            )  # fmt: skip
        os.close(far)

    @property
    def shown(self) -> list[str]:
        """What was asked on the terminal, and then what was printed."""
        lines = (self._asked + self._printed).decode().replace("\r", "").splitlines()
        return [line.rstrip() for line in lines]

    @property
    def aside(self) -> str:
        return self._aside.read_text(errors="replace")

    def until(self, enough: Callable[[], bool]) -> None:
        """Go on until `enough`, or until the command has ended."""
        deadline = time.monotonic() + WAIT_S
        while not enough() and self._reads():
            assert time.monotonic() < deadline, (self.shown, self.aside)

    def ends(self) -> int:
        self.until(lambda: False)
        return self._process.wait(WAIT_S)

    def interrupted(self) -> int:
        """Its status after Ctrl-C."""
        os.killpg(self._process.pid, signal.SIGINT)
        return self.ends()

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        os.close(self._screen)

    def _reads(self) -> bool:
        """Read more, and answer what is asked; False once standard output is closed."""
        assert self._process.stdout is not None
        out = self._process.stdout.fileno()
        ready, _, _ = select.select([out, self._screen], [], [], 0.5)
        if self._screen in ready:
            with contextlib.suppress(OSError):  # Linux says EIO where the other side is closed
                self._asked += os.read(self._screen, 4096)
            asked = self._asked.decode(errors="replace")[self._typed :]
            for question, answer in (*self._answers.items(), (_AGAIN, self._last)):
                if asked.endswith(question):
                    self._typed += len(asked)
                    self._last = answer
                    os.write(self._screen, answer.encode() + b"\n")
                    break
        if out in ready:
            data = os.read(out, 65_536)
            self._printed += data
            return bool(data)
        return True


class Walk:
    """Commands run in `folder`, each where the one before has gone with cd; use it with `with`."""

    def __init__(
        self, folder: Path, answers: Mapping[str, str], environment: Mapping[str, str],
        same: Callable[[str], str] = lambda line: line,
    ) -> None:  # fmt: skip
        """`answers` are what is typed, by the words that ask for it; `same` makes equal what may differ in a line."""
        self.cwd = folder
        self.running: dict[str, Running] = {}  # what goes on, by the words of the document
        self._aside = folder / "aside"
        self._aside.mkdir()
        self._answers = answers
        self._environment = environment
        self._same = same
        self._count = 0

    def __enter__(self) -> "Walk":
        return self

    def __exit__(self, *_: object) -> None:
        for each in reversed(self.running.values()):
            each.close()

    def do(self, shown: Shown, words: str) -> Running | None:
        """Run `words`, which is what `shown` says here, and compare what there is to see."""
        if words.startswith("cd "):
            self.cwd /= words[3:]
            return None
        self._count += 1
        if shown.goes_on:
            words = f"exec {words}"  # Ctrl-C is for it; a shell in between would end first
        command = Running(words, self.cwd, self._environment, self._answers, self._aside / f"{self._count}.txt")
        wanted = [self._same(line.rstrip()) for line in shown.printed]

        def seen() -> list[str]:
            return [self._same(line) for line in command.shown]

        if shown.goes_on:
            self.running[shown.words] = command
            command.until(lambda: fits(seen(), wanted))
            status = 0
        else:
            try:
                status = command.ends()
            finally:
                command.close()
        assert fits(seen(), wanted), (words, seen(), wanted, command.aside)
        assert status == 0, (words, command.aside)
        return command

    def end(self, words: str) -> None:
        """Ctrl-C where the command `words` goes on."""
        command = self.running.pop(words)
        try:
            status = command.interrupted()
            assert status == INTERRUPTED, (words, status, command.shown, command.aside)
        finally:
            command.close()
