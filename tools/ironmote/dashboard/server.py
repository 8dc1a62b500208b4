"""The site on a socket of its own, on a thread: with TLS where there is a certificate, else on loopback alone."""

import contextlib
import ipaddress
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from ..errors import IronmoteError
from .gate import Gate
from .site import Site, Sources

LOOPBACK = "127.0.0.1"
_CONNECTIONS = 256
_KEEP_ALIVE_S = 30
_HEAD_BYTES = 16_384
_START_S = 10.0
_END_S = 2  # for pages that are open, which let go at once


class ServerError(IronmoteError):
    """The dashboard cannot be served as it is asked for."""


@dataclass(frozen=True)
class Certificate:
    """Where the dashboard's certificate and its key are (PEM), and the names that it carries."""

    path: Path
    key: Path
    names: tuple[str, ...]


class Server:
    """Serves from `start` to `stop`."""

    def __init__(self, sources: Sources, address: str, port: int, certificate: Certificate | None = None) -> None:
        """Raises ServerError: nobody outside this machine is served without TLS."""
        if certificate is None and not _is_loopback(address):
            raise ServerError(f"without a certificate only this machine is served, not {address}")
        self._sources = sources
        try:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            self._socket = socket.create_server((address, port), family=family)
        except OSError as error:
            raise ServerError(
                f"{address} port {port} cannot be served: {error.strerror}; --port takes another"
            ) from error
        self.port: int = self._socket.getsockname()[1]
        names = certificate.names if certificate is not None else (LOOPBACK, "localhost")
        secure = certificate is not None
        # Who serves this machine alone is found there by no other name.
        shown = "localhost" if secure and _is_loopback(address) and "localhost" in names else names[0]
        self.url = f"{'https' if secure else 'http'}://{_bracketed(shown)}:{self.port}/"
        hosts = {f"{_bracketed(name)}:{self.port}".lower() for name in names}
        if self.port == (443 if secure else 80):
            hosts |= {_bracketed(name).lower() for name in names}
        self._site = site = Site(sources, secure)
        config = uvicorn.Config(
            Gate(site.app, frozenset(hosts), secure),
            lifespan="off",
            interface="asgi3",
            loop="asyncio",
            http="h11",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=_CONNECTIONS,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=_END_S,
            h11_max_incomplete_event_size=_HEAD_BYTES,
            ssl_certfile=None if certificate is None else str(certificate.path),
            ssl_keyfile=None if certificate is None else str(certificate.key),
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="dashboard", daemon=True)
        self._failure: BaseException | None = None

    def start(self) -> None:
        """Serve. Raises ServerError where that fails."""
        self._thread.start()
        end = time.monotonic() + _START_S
        while not self._server.started:
            self.check()
            if time.monotonic() > end:
                raise ServerError("the dashboard did not start in time")
            time.sleep(0.01)

    def check(self) -> None:
        """Raise ServerError where it has ended by itself."""
        if self._failure is not None or (self._thread.ident is not None and not self._thread.is_alive()):
            raise ServerError(f"the dashboard stopped: {self._failure or 'it said nothing'}") from self._failure

    def end(self) -> None:
        """Begin to end; `stop` waits for that."""
        self._site.end()
        self._server.should_exit = True

    def stop(self) -> None:
        """End every connection."""
        self.end()
        if self._thread.is_alive():
            self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        try:
            with contextlib.suppress(SystemExit):
                self._server.run(sockets=[self._socket])
        except BaseException as error:  # kept for whoever asks by `check`
            self._failure = error


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def _bracketed(name: str) -> str:
    return f"[{name}]" if ":" in name else name
