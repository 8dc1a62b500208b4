"""A broker's process: started with its output in a log file, ready when its ports answer, ended for certain."""

import contextlib
import secrets
import socket
import subprocess
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from .. import child
from ..errors import BrokerError
from . import LOOPBACK

_READY_S = 15.0
_PAUSE_S = 0.03
# Below the ports that systems give to connections that go out: a broker that is started again finds its own still free.
_PORTS = range(20_000, 32_000)
_TRIES = 100
# A port that was chosen is held until its broker listens, or nobody would keep the next one that asks, here or in
# another process, from choosing it too. Sockets that are bound and do not listen are all it takes.
_held: dict[int, socket.socket] = {}


def choose_port(wanted: int = 0) -> int:
    """A port of the loopback that nobody has: `wanted`, or any when that is 0. BrokerError when it is taken."""
    if not wanted:
        for _ in range(_TRIES):
            with contextlib.suppress(BrokerError):
                return _hold(secrets.choice(_PORTS), reuse=False)
        raise BrokerError(f"no port from {_PORTS.start} to {_PORTS.stop - 1} is free; stop what listens there")
    return _hold(wanted, reuse=True)


def _hold(port: int, reuse: bool) -> int:
    """Hold `port`; `reuse` takes one whose connections have only just ended, too."""
    if port in _held and reuse:
        return port
    holder = socket.socket()
    try:
        if reuse:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((LOOPBACK, port))
    except OSError as error:
        holder.close()
        raise BrokerError(
            f"port {port} is in use or not allowed; stop what listens there, or choose another"
        ) from error
    _held[port] = holder
    return port


def _release(ports: Iterable[int]) -> None:
    """Let their broker have `ports`: whoever starts it does so at once."""
    for port in ports:
        if holder := _held.pop(port, None):
            holder.close()


class ServerProcess:
    """One broker process. `ports` are those it must answer on, and `says` what its log must hold, to be ready."""

    def __init__(
        self, name: str, argv: Sequence[str], log: Path, ports: Iterable[int], says: str = "", host: str = LOOPBACK
    ) -> None:
        self.name = name
        self._argv = argv
        self._log = log
        self._ports = tuple(ports)
        self._says = says.encode()
        self._host = host
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def alive(self) -> bool:
        """True while the process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def trouble(self) -> str | None:
        """How the process ended, with the last line of its log; None while it runs."""
        if self._process is None or (status := self._process.poll()) is None:
            return None
        return f'{self.name} {child.how_it_ended(status)}; its log ends with "{self._last_words()}"'

    @property
    def log(self) -> Path:
        """The file that its output is in."""
        return self._log

    @property
    def pid(self) -> int | None:
        """The number of the process, or None when it was not started."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start and wait until every port answers. BrokerError, with the broker's own last words, when it does not."""
        for port in self._ports:
            choose_port(port)
        with self._log.open("ab") as output:
            said_before = output.tell()
            _release(self._ports)
            try:
                self._process = child.spawn(self._argv, cwd=self._log.parent, output=output)
            except OSError as error:
                raise BrokerError(f"cannot start {self.name}: {error.strerror}") from error
        deadline = time.monotonic() + _READY_S
        waiting = list(self._ports)
        while waiting or not self._has_said(said_before):
            if not self.alive:
                self.stop()
                raise BrokerError(f"{self.name} ended as soon as it was started: {self._last_words()}")
            if time.monotonic() > deadline:
                self.stop()
                raise BrokerError(f"{self.name} was not ready after {_READY_S:.0f} s: {self._last_words()}")
            waiting = [port for port in waiting if not _answers(self._host, port)]
            time.sleep(_PAUSE_S)

    def stop(self) -> None:
        """End the process. Does nothing when it is not running."""
        if self._process is not None:
            child.end(self._process)
            self._process = None

    def _has_said(self, since: int) -> bool:
        if not self._says:
            return True
        with self._log.open("rb") as file:
            file.seek(since)
            return self._says in file.read()

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True
