"""What is measured side by side: each runs in a process of its own, and says when it listens and when it has all.

mosquitto_sub throws away what it hears; `stores` is the subscriber of tutorials, paho and SQLite; `fields` is that with
JSON taken apart, which is what Telegraf does; `gateway` is ironmote's, and tells what it stored to a listener.
"""

import json
import multiprocessing
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

from ironmote.brokers import GatewayAccess
from ironmote.errors import MissingTool
from ironmote.gateway import Event, Gateway, Member, MoteConfirmed, RecordSeen

from .site import Door, cpu_s

_BATCH = 100  # rows of a transaction, where a subscriber stores
_WAIT_S = 100.0
_SETTLE_S = 1.0
_processes = multiprocessing.get_context("spawn")


class Listener(Protocol):
    """Something that hears every message; `used` is the time of a processor so far, in seconds."""

    pid: int

    def used(self) -> float: ...

    def wait(self) -> None: ...

    def close(self) -> None: ...


def pause(listener: Listener) -> None:
    """Stop it where it is; what it is sent waits at the broker."""
    os.kill(listener.pid, signal.SIGSTOP)


def resume(listener: Listener) -> None:
    """Let it go on."""
    os.kill(listener.pid, signal.SIGCONT)


class Bare:
    """mosquitto_sub, which ends when it has heard `count` messages."""

    def __init__(self, door: Door, topics: str, count: int) -> None:
        program = shutil.which("mosquitto_sub")
        if program is None:
            raise MissingTool("no mosquitto_sub found; apt install mosquitto-clients")
        self._process = subprocess.Popen(
            [
                program, "-h", door.host, "-p", str(door.port), "--cafile", door.ca, "--cert", door.cert,
                "--key", door.key, "-i", door.name, "-q", "1", "-t", topics, "-C", str(count),
            ],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        self.pid = self._process.pid
        self._used: float | None = None
        time.sleep(_SETTLE_S)  # it does not say when it listens

    def used(self) -> float:
        return cpu_s(self.pid) if self._used is None else self._used

    def wait(self) -> None:
        _, self._process.returncode, usage = os.wait4(self.pid, 0)
        self._used = usage.ru_utime + usage.ru_stime

    def close(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
            self._process.wait()


class Program:
    """A function of this module in a process of its own. It sends a word when it listens and one when it has all."""

    def __init__(self, run: Callable[..., None], *arguments: Any) -> None:
        self._ours, theirs = _processes.Pipe()
        self._process = _processes.Process(target=run, args=(theirs, *arguments), daemon=True)
        self._process.start()
        theirs.close()
        self.pid = self._process.pid or 0
        self.said: list[str] = []
        self.wait()

    def used(self) -> float:
        return cpu_s(self.pid)

    def wait(self) -> None:
        """Wait for its next word. SystemExit where none comes."""
        if not self._ours.poll(_WAIT_S):
            raise SystemExit(f"no word from {self._process.name} within {_WAIT_S:.0f} s")
        self.said.append(self._ours.recv())

    def close(self) -> None:
        self._process.kill()
        self._process.join()


def stores(words: Connection, door: Door, topics: str, count: int, path: Path) -> None:
    """The subscriber of tutorials: paho hands over a message, and a hundred are stored in one transaction."""
    _subscribe(words, door, topics, count, path, "topic TEXT, payload BLOB, arrived REAL", _whole)


def fields(words: Connection, door: Door, topics: str, count: int, path: Path) -> None:
    """A collector: JSON is parsed and each value is a row. Nothing is verified."""
    _subscribe(words, door, topics, count, path, "mote TEXT, name TEXT, unit TEXT, value, taken REAL", _fields)


def _whole(topic: str, payload: bytes) -> Iterable[tuple[Any, ...]]:
    return ((topic, payload, time.time()),)


def _fields(topic: str, payload: bytes) -> Iterable[tuple[Any, ...]]:
    mote = topic.split("/")[1]
    entries = json.loads(payload)
    taken = entries[0].get("bt")
    return [(mote, each["n"], each.get("u"), each.get("v"), taken) for each in entries]


def _subscribe(
    words: Connection,
    door: Door,
    topics: str,
    count: int,
    path: Path,
    columns: str,
    rows_of: Callable[[str, bytes], Iterable[tuple[Any, ...]]],
) -> None:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(f"CREATE TABLE heard ({columns})")
    insert = f"INSERT INTO heard VALUES ({', '.join('?' for _ in columns.split(','))})"  # noqa: S608  two constants
    rows: list[tuple[Any, ...]] = []
    heard = 0

    def take(client: Any, userdata: Any, message: Any) -> None:
        nonlocal heard
        rows.extend(rows_of(message.topic, message.payload))
        heard += 1
        if heard % _BATCH == 0 or heard == count:
            db.execute("BEGIN")
            db.executemany(insert, rows)
            db.execute("COMMIT")
            rows.clear()
        if heard == count:
            words.send("all")

    client = door.client()
    client.on_message = take
    client.on_connect = lambda *_: client.subscribe(topics, 1)
    client.on_subscribe = lambda *_: words.send("ready")
    client.connect(door.host, door.port)
    client.loop_forever()


def gateway(
    words: Connection,
    fleet_id: bytes,
    members: list[Member],
    accesses: list[GatewayAccess],
    path: Path,
    first: int,
    count: int,
) -> None:
    """ironmote's. It says a word when it listens, when `first` motes are confirmed, and after `count` more records."""
    confirmed = records = 0

    def told(event: Event) -> None:
        nonlocal confirmed, records
        if isinstance(event, RecordSeen):
            records += 1
            if records == first + count:
                words.send("all")
        elif isinstance(event, MoteConfirmed):
            confirmed += 1
            if confirmed == first:
                words.send("confirmed")

    began = time.perf_counter()
    running = Gateway(fleet_id, members, accesses, path, told)
    running.start()
    words.send(f"{time.perf_counter() - began:.3f}")
    while True:
        time.sleep(1.0)
        running.check()
