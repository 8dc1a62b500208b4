"""Where a passphrase comes from: a file, a file descriptor or the terminal. Never the arguments, which all can read."""

import argparse
import getpass
import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from .arguments import Number
from .errors import IronmoteError

VARIABLE = "IRONMOTE_PASSPHRASE_FILE"
SHORTEST = 12  # letters of a new one
_LONGEST = 1_024  # bytes


class PassphraseError(IronmoteError):
    """There is no passphrase to be had, or it cannot be one."""


@dataclass(frozen=True)
class Source:
    """Where one passphrase comes from; the terminal where there is neither `file` nor `descriptor`.

    `option` is how the option for the file is called, for the words of errors.
    """

    file: Path | None = None
    descriptor: int | None = None
    option: str = "--passphrase-file"

    def ask(self, what: str) -> str:
        """The passphrase of `what`, such as "the key store". Raises PassphraseError."""
        if self.descriptor is not None:
            return _first_line(_read_descriptor(self.descriptor), f"file descriptor {self.descriptor}")
        if self.file is not None:
            return _first_line(_read_file(self.file), str(self.file))
        return self._prompt(f"Passphrase of {what}: ")

    def ask_new(self, what: str, shortest: int = SHORTEST) -> str:
        """A passphrase that `what` shall have, of `shortest` letters at least; asked twice on a terminal."""
        found = self.ask(what)
        if len(found) < shortest:
            raise PassphraseError(f"the passphrase of {what} needs at least {shortest} letters")
        if self.descriptor is None and self.file is None and self._prompt("The same again: ") != found:
            raise PassphraseError("these were two different passphrases; nothing was done")
        return found

    def _prompt(self, words: str) -> str:
        if sys.stdin is None or not sys.stdin.isatty():
            raise PassphraseError(f"there is no terminal to ask for the passphrase at; give {self.option} FILE")
        try:
            return getpass.getpass(words)
        except EOFError:
            raise PassphraseError("no passphrase was given; nothing was done") from None


def options(parser: argparse.ArgumentParser, what: str = "the key store", prefix: str = "") -> None:
    """Add the options that say where the passphrase of `what` comes from; their names begin with `prefix`."""
    group = parser.add_mutually_exclusive_group()
    beside = "" if prefix else f", also by the variable {VARIABLE}"
    group.add_argument(
        f"--{prefix}passphrase-file",
        type=Path,
        metavar="FILE",
        help=f"the file whose first line is the passphrase of {what}{beside}; else it is asked for",
    )
    group.add_argument(
        f"--{prefix}passphrase-fd",
        type=Number(0, 65_535, whole=True, shown=False),
        metavar="N",
        help=f"the open file descriptor that the passphrase of {what} is read from",
    )


def source(arguments: argparse.Namespace, prefix: str = "") -> Source:
    """Where the options that `options` added say that it comes from."""
    name = prefix.replace("-", "_") + "passphrase_"
    file, descriptor = getattr(arguments, name + "file"), getattr(arguments, name + "fd")
    if file is None and descriptor is None and not prefix and os.environ.get(VARIABLE):
        file = Path(os.environ[VARIABLE])
    return Source(file, descriptor, f"--{prefix}passphrase-file")


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if os.name == "posix" and stat.S_ISREG(mode) and mode & stat.S_IROTH:
                raise PassphraseError(f"{path} can be read by everybody: chmod 600 {path}")
            return file.read(_LONGEST + 1)
    except OSError as error:
        raise PassphraseError(f"{path} cannot be read: {error.strerror}") from error


def _read_descriptor(number: int) -> bytes:
    data = b""
    try:
        while len(data) <= _LONGEST and b"\n" not in data:
            more = os.read(number, _LONGEST + 1)
            if not more:
                break
            data += more
    except OSError as error:
        raise PassphraseError(f"file descriptor {number} cannot be read: {error.strerror}") from error
    return data


def _first_line(data: bytes, where: str) -> str:
    line = data.partition(b"\n")[0].removesuffix(b"\r")
    if not line or len(line) > _LONGEST:
        raise PassphraseError(f"{where} holds no passphrase in its first line, of 1 to {_LONGEST} bytes")
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise PassphraseError(f"{where} does not hold a text in UTF-8") from None
