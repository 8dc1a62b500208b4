"""Motes for the tests of channels: real device code on a simulated board, one sensor, pinned to a channel."""

import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ironmote import boards
from ironmote.certificates import Authority
from ironmote.fleet import CLEAR, HOME, Fleet, Mote
from ironmote.simulate import SimulatedMote
from mote import epoch

_I2C = {"esp32": (21, 22), "esp8266": (4, 5)}  # sda, scl
_RELAY = {"esp32": 5, "esp8266": 12}


def add(fleet: Fleet, mote_id: str, channel: str, board: str = "esp32") -> Mote:
    mote = fleet.add(mote_id, board)
    mote.channel = channel
    mote.zone = HOME if mote.encrypts else CLEAR
    mote.connect = "static"  # what Mosquitto can compare
    mote.sensors = [{"kind": "bh1750", "address": 0x23, "names": {"illuminance": "light"}}]
    mote.actuators = [{"kind": "relay", "name": "relay", "pin": _RELAY[board], "safe": 0}]
    return mote


def settings(fleet: Fleet, mote: Mote, port: int, **change: Any) -> dict[str, Any]:
    sda, scl = _I2C[mote.board]
    return {
        "v": 1, "mote": mote.id, "fleet": fleet.id, "board": mote.board, "zone": mote.zone,
        "generation": mote.generation, "channel": mote.channel, "floor": "sealed", "room": True,
        "wifi": {"ssid": "home"}, "broker": {"host": "127.0.0.1", "port": port, "name": "localhost"},
        "connect": mote.connect, "keepalive_s": 30, "timeout_ms": 2000, "sample_ms": 500, "command_age_s": 60,
        "clock_floor": int(time.time()) - 60, "ntp": "time.example",
        "i2c": {"sda": sda, "scl": scl, "freq_hz": 100000},
        "onewire": None, "sensors": mote.sensors, "actuators": mote.actuators, "led": None, "outbox": 8,
    } | change  # fmt: skip


class ChannelMote:
    """A mote that connects to `port`; its board can be given faults, and tells whom it dials."""

    def __init__(
        self,
        fleet: Fleet,
        mote: Mote,
        authority: Authority,
        port: int,
        folder: Path,
        *,
        profile=None,
        world=None,
        **change: Any,
    ) -> None:
        vault = {"wifi": secrets.token_urlsafe(12).encode(), "boot0": epoch.slot(mote.generation, 0)}
        vault["root"] = mote.root
        credential = authority.issue(mote.id)
        vault["key"] = credential.key_der
        public = {"/ca.der": authority.ca_der, "/cert.der": credential.cert_der}
        self.id = mote.id
        self.port = port
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self.board = SimulatedMote(
            profile or boards.load(mote.board), settings(fleet, mote, port, **change), vault, public, folder, world,
            on_line=self._hear, faults=True,
        )  # fmt: skip
        self.board.build()

    def put(self, faults: str) -> None:
        """Put these faults, JSON, on the board in place of those before."""
        part = self.board.folder / "faults.json.new"
        part.write_text(faults)
        part.replace(self.board.folder / "faults.json")

    def dialled(self) -> list[str]:
        """Whom the board has dialled so far: "host port" each time."""
        try:
            return (self.board.folder / "dialled").read_text().splitlines()
        except FileNotFoundError:
            return []

    def said(self, words: str) -> int:
        """How many lines of the console so far hold `words`."""
        return sum(words in line for line in list(self.lines))

    def waits(self, condition: Callable[[], bool], within_s: float) -> bool:
        """True once `condition` holds; asked again at every line of the console, and now and then."""
        end = time.monotonic() + within_s
        with self._changed:
            while not condition() and time.monotonic() < end:
                self._changed.wait(0.1)
        return condition()

    def _hear(self, line: str) -> None:
        with self._changed:
            self.lines.append(line)
            self._changed.notify_all()
