"""A real PostgreSQL of our own: a new cluster in a folder, on a port of its own, ended with the test."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ironmote.gateway.store import Store

_WITHIN_S = 60


def programs() -> Path:
    """The folder with initdb and postgres; the test is skipped where there is none."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: float(each.parent.name), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    return pytest.skip("there is no PostgreSQL here: sh tools/system-packages.sh postgres")


class PostgresServer:
    """One cluster. It does not run as root, so root lends it to nobody."""

    def __init__(self) -> None:
        self._bin = programs()
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self._as: dict = {}
        if os.getuid() == 0:
            self._as = {"user": "nobody", "group": "nogroup", "extra_groups": []}
            shutil.chown(self.folder, "nobody", "nogroup")
        command = [self._bin / "initdb", "-D", self.folder / "data", "-U", "owner", "-A", "trust", "-N", "-E", "UTF8"]
        made = subprocess.run([*command, "--locale=C"], capture_output=True, text=True, check=False, **self._as)
        assert made.returncode == 0, made.stderr
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process: subprocess.Popen | None = None
        self._has_template = False
        self.start()

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://owner@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        command = [self._bin / "postgres", "-D", self.folder / "data", "-h", "127.0.0.1", "-p", str(self.port)]
        command += ["-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "max_connections=40"]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, **self._as)
        ready = [self._bin / "pg_isready", "-h", "127.0.0.1", "-p", str(self.port), "-q"]
        end = time.monotonic() + _WITHIN_S
        while subprocess.run(ready, check=False).returncode:
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < end
            time.sleep(0.1)

    def new_database(self, name: str, how: str = "") -> str:
        """A new, empty database; gives its URL."""
        import psycopg

        with psycopg.connect(self.url(), autocommit=True) as db:
            db.execute(f"CREATE DATABASE {name} {how}")
        return self.url(name)

    def new_store(self, name: str) -> str:
        """A new database with the schema of an empty store; gives its URL."""
        if not self._has_template:
            Store(self.new_database("template")).close()
            self._has_template = True
        return self.new_database(name, "TEMPLATE template")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop, by default at once and with every connection broken."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(_WITHIN_S)
            self.process = None


@contextlib.contextmanager
def a_postgres() -> Iterator[PostgresServer]:
    server = PostgresServer()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(server.folder, ignore_errors=True)
