"""A simulated board on a serial line, and the mote that is put onto it by cable."""

import contextlib
import time

from ironmote import board_folder, boards, device, provision
from ironmote.commission import Content, commission
from ironmote.errors import BoardError
from ironmote.fleet import Fleet
from ironmote.serial_board import SerialBoard

PASSWORD = b"correct horse battery"
SENSORS = [{"kind": "sht4x", "address": 0x44, "names": {"temperature": "air", "humidity": "damp"}}]


@contextlib.contextmanager
def plugged(folder, kind):
    """A blank simulated board of the kind `kind` on a serial line; the SerialBoard, pulled afterwards."""
    profile = boards.load(kind)
    hardware = board_folder.hardware(profile, folder.name, {"mote": folder.name}, [], [], {"kind": "room"}, 0, False)
    board_folder.BoardFolder(folder, profile).make(device.frozen_modules(profile), hardware)
    board = SerialBoard(folder, profile)
    board.plug()
    try:
        yield board
    finally:
        board.pull()


class Bench:
    """A board of the kind `kind` in `folder`, plugged in, and a sealed mote called bench to put onto it."""

    def __init__(self, folder, kind):
        self.profile = boards.load(kind)
        self.folder = folder
        self.mote = Fleet(bytes(16)).add("bench", kind)
        self.mote.zone = "clear"
        self.port = 1
        self.sample_ms = 1000
        self.log = "info"
        self.writes = []
        self.pause_s = 0.0  # before each write
        hardware = board_folder.hardware(
            self.profile, "bench", self.settings("sealed"), {"ssid": "home", "password": PASSWORD.decode()}, None,
            {"kind": "room"}, 0, True,
        )  # fmt: skip
        board_folder.BoardFolder(folder, self.profile).make(device.frozen_modules(self.profile), hardware)
        self.board = SerialBoard(folder, self.profile)

    def settings(self, channel):
        pins = self.profile.wiring
        return {
            "v": 1, "mote": "bench", "fleet": bytes(16), "board": self.profile.name, "zone": "clear",
            "generation": self.mote.generation, "channel": channel, "floor": "sealed", "room": self.profile.room,
            "wifi": {"ssid": "home"}, "broker": {"host": "127.0.0.1", "port": self.port, "name": "localhost"},
            "connect": "token", "keepalive_s": 30, "timeout_ms": 10_000, "sample_ms": self.sample_ms,
            "command_age_s": 60, "clock_floor": 1_700_000_000, "ntp": "pool.ntp.org",
            "i2c": {"sda": pins.i2c_sda, "scl": pins.i2c_scl, "freq_hz": 100_000}, "onewire": None,
            "sensors": SENSORS, "actuators": [], "led": pins.led, "outbox": 32, "log": self.log,
        }  # fmt: skip

    def content(self, choice, _before):
        """What commission is to put there."""
        self.mote.channel = choice.channel
        files = device.build_flash(self.profile, self.settings(choice.channel), {})
        return Content(files, provision.secrets_for(self.mote, PASSWORD))

    def commission(self, **more):
        self.writes = []

        def note(_number, _count, write):
            self.writes.append(write.name)
            time.sleep(self.pause_s)

        return commission(self.board.port, self.profile, "sealed", "sealed", self.content, on_write=note, **more)

    def commissioned_until_cut(self):
        """The outcome, or None where the cable was pulled meanwhile."""
        try:
            return self.commission()
        except BoardError as error:
            if "the line to the board was cut" not in str(error):
                raise
            return None

    def reprovisioned(self):
        """Give the mote its next life."""
        self.mote.generation += 1
        self.mote.root = bytes([self.mote.generation]) * 32

    def kept(self):
        """Every file that the board holds, in its file system and its storage."""
        found = {}
        for path in (path for part in ("flash", "nvs") for path in (self.folder / part).rglob("*")):
            with contextlib.suppress(FileNotFoundError, IsADirectoryError):  # a mote that runs renames and removes
                found[path.relative_to(self.folder).as_posix()] = path.read_bytes()
        return found

    def says(self, words, within_s=60):
        """Wait until the board has printed `words`; return the line."""
        deadline = time.monotonic() + within_s
        while True:
            for line in self.board.console:
                if words in line:
                    return line
            assert time.monotonic() < deadline, self.board.console[-12:]
            time.sleep(0.01)


@contextlib.contextmanager
def bench(folder, kind):
    made = Bench(folder, kind)
    made.board.plug()
    try:
        yield made
    finally:
        made.board.pull()
