"""The socket of the owner's line, and the lines on it: what both of its ends share."""

import contextlib
import json
import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import IronmoteError

LONGEST = 2**20  # bytes of a line that a gateway takes
_LONGEST_PATH = 100  # bytes; the system's own limit is a little above
_WAITING = 64


def listener(path: Path) -> socket.socket:
    """A socket at `path` (0600) that listens; whoever served it before is gone. Raises IronmoteError, OSError."""
    _check_system()
    path.unlink(missing_ok=True)
    found = socket.socket(socket.AF_UNIX)
    try:
        with _short(path) as name:
            found.bind(name)
        path.chmod(0o600)
        found.listen(_WAITING)
    except BaseException:
        found.close()
        raise
    return found


def connected(path: Path, timeout_s: float) -> socket.socket:
    """A socket that is connected to who listens at `path`. Raises OSError where nobody does, IronmoteError."""
    _check_system()
    found = socket.socket(socket.AF_UNIX)
    try:
        found.settimeout(timeout_s)
        with _short(path) as name:
            found.connect(name)
    except BaseException:
        found.close()
        raise
    return found


class Lines:
    """The lines that come on a socket, as the objects of JSON that they are.

    Raises ValueError on what is none, or longer than `longest`, OSError where the connection breaks.
    """

    def __init__(self, found: socket.socket, longest: int = LONGEST) -> None:
        self._socket = found
        self._longest = longest

    def __iter__(self) -> Iterator[dict[str, Any]]:
        with self._socket.makefile("rb") as file:
            while line := file.readline(self._longest + 1):
                try:
                    found = json.loads(line) if line.endswith(b"\n") else None
                except RecursionError:
                    found = None
                if not isinstance(found, dict):
                    raise ValueError("no object of JSON, or one that is too long")
                yield found


def encoded(line: Mapping[str, Any]) -> bytes:
    """A line as it goes over the socket."""
    return json.dumps(line).encode() + b"\n"


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """A name of `path` that a socket can have: systems allow about a hundred bytes."""
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        yield str(path)
        return
    if not Path("/proc/self/fd").is_dir():
        raise IronmoteError(f"{path} is too long a name for a socket; keep the fleet in a folder with a shorter one")
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _check_system() -> None:
    if not hasattr(socket, "AF_UNIX"):
        raise IronmoteError("this system has no Unix sockets, which a gateway and its owner speak over")
