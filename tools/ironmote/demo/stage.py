"""Everything the demo runs on: fleet, certificates, broker, gateway, taps and motes, set up and taken down in order."""

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from mote import channel, epoch

from .. import boards, guard, interrupts, secret_files
from ..boards import Profile
from ..brokers import SERVER_NAME, Broker, endpoint
from ..brokers.mosquitto import MosquittoBroker
from ..brokers.nats import NatsBroker
from ..certificates import Authority
from ..errors import IronmoteError
from ..fleet import CLEAR, HOME, Fleet, Mote
from ..gateway import Event, Gateway
from ..gateway.members import members_of
from ..simulate import SimulatedMote
from .tap import Tap, Taps
from .wire import Direction

NAMES = (
    "kitchen", "cellar", "attic", "garage", "office", "nursery", "hall", "study", "porch", "pantry", "bathroom", "shed",
)  # fmt: skip
BOARDS = ("esp32", "esp8266")
DIMMER = "dimmer"
FLOOR = "sealed"
_NETWORK = "ironmote demo"
_DAY_S = 240  # about a day of the simulated room: something happens while one watches
_MORNING = 0.29  # of a day
_BROKERS: dict[str, type[NatsBroker] | type[MosquittoBroker]] = {"nats": NatsBroker, "mosquitto": MosquittoBroker}


class Stage:
    """The running parts of a demo. Motes are built but not switched on."""

    def __init__(self, folder: Path, fleet: Fleet, profiles: dict[str, Profile]) -> None:
        self.folder = folder
        self.fleet = fleet
        self.profiles = profiles
        self.motes: dict[str, SimulatedMote] = {}
        self.taps: dict[str, Tap] = {}
        self.tapped: Taps
        self.broker: Broker
        self.gateway: Gateway

    def check(self) -> None:
        """Raise IronmoteError where a part has ended that should run."""
        self.gateway.check()
        if (trouble := self.broker.trouble) is not None:
            raise IronmoteError(trouble)
        for name, mote in self.motes.items():
            if not mote.alive:
                raise IronmoteError(f"{name} died: {mote.exit_reason or 'it said nothing'}")


@contextlib.contextmanager
def set_up(
    *,
    count: int,
    broker: str,
    wanted: str,
    keep: Path | None,
    sample_s: float,
    rows: Callable[[Path], None] | None,
    on_phase: Callable[[str], None],
    on_event: Callable[[Event], None],
    on_line: Callable[[str, str], None],
) -> Iterator[Stage]:
    """A stage with `count` motes; everything is ended, and the folder removed unless `keep` names it, on leaving.

    `wanted` is the channel of the boards that have room for TLS, or "auto"; the others decide by their facts.

    `rows` writes the recording that the sensors feel to the path it is given; without it they feel a room.
    """
    with contextlib.ExitStack() as stack:
        # While things are taken down, which is done in reverse, a second Ctrl-C must not interrupt it.
        stack.enter_context(interrupts.restored())
        stack.callback(os.umask, os.umask(0o077))  # what others write for us, brokers and boards, is the owner's too
        folder = stack.enter_context(_folder(keep))
        stack.callback(interrupts.ignore)
        world: dict[str, Any] = {"kind": "room", "day_s": _day_s(time.time())}
        if rows is not None:
            rows(folder / "rows.csv")
            world = {"kind": "replay", "rows": str(folder / "rows.csv")}
        stage = _provision(folder, count, wanted, on_phase)
        authority = Authority.create()

        on_phase(f"starting {broker}")
        kind = _BROKERS[broker]
        for mote in stage.fleet.motes.values():
            mote.connect = kind.connect
        stage.broker = kind(stage.fleet, authority, folder / "broker")
        stack.callback(stage.broker.stop)
        stage.broker.start()

        on_phase("starting the gateway")
        stage.gateway = Gateway(
            stage.fleet.id, members_of(stage.fleet), stage.broker.gateway, folder / "gateway.db", on_event
        )
        stack.callback(stage.gateway.stop)
        stage.gateway.start()

        captures = {
            name: stack.enter_context(_capture(folder / "wire", name)) if keep is not None else None
            for name in stage.fleet.motes
        }
        stage.tapped = taps = Taps()
        stack.callback(taps.close)
        on_phase("building the motes")
        for index, mote in enumerate(stage.fleet.motes.values()):
            stage.taps[mote.id] = taps.add(endpoint(stage.broker, mote), captures[mote.id])
            made = _simulated(stage, mote, authority, sample_s, {**world, "seed": 7 + 101 * index}, on_line)
            made.build()
            stage.motes[mote.id] = made
            stack.callback(made.stop)
        yield stage


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        try:
            if keep.exists() and any(keep.iterdir()):
                raise IronmoteError(f"{keep} is not empty; name a new folder to keep the demo in")
            yield secret_files.make_folder(keep).resolve()
        except OSError as error:
            raise IronmoteError(f"{keep} cannot be used: {error.strerror}") from error
        return
    with guard.temporary("ironmote-") as folder:  # it holds keys
        yield folder


@contextlib.contextmanager
def _capture(folder: Path, name: str) -> Iterator[Callable[[Direction, bytes], None]]:
    """Keep every byte of a link: <name>.up and <name>.down in `folder`."""
    secret_files.make_folder(folder)
    with contextlib.ExitStack() as stack:
        files = {each: stack.enter_context((folder / f"{name}.{each.value}").open("wb")) for each in Direction}
        yield lambda direction, data: _write(files[direction], data)


def _write(file: BinaryIO, data: bytes) -> None:
    file.write(data)


def _day_s(now: float) -> float:
    """A length of the room's day, counted from 1970, by which it is morning at `now` (seconds since 1970)."""
    return now / (now // _DAY_S + _MORNING)


def _provision(folder: Path, count: int, wanted: str, on_phase: Callable[[str], None]) -> Stage:
    """Make the fleet and decide each mote's channel from what its board's own firmware says it can do."""
    fleet = Fleet.create()
    profiles: dict[str, Profile] = {}
    decided: dict[str, tuple[str, str]] = {}
    for index in range(count):
        mote = fleet.add(NAMES[index] if index < len(NAMES) else f"mote-{index + 1}", BOARDS[index % len(BOARDS)])
        profile = profiles.setdefault(mote.board, boards.load(mote.board))
        mote.sensors, mote.actuators = _sensors(), _actuators(profile)
        if mote.board not in decided:
            on_phase(f"asking the firmware of {mote.board} what it can do")
            probe = SimulatedMote(
                profile, _settings(fleet, mote, profile, 1, 1.0), {}, {}, folder / "probe" / mote.board, wifi={}
            )
            probe.build()
            try:
                decided[mote.board] = channel.choose(wanted if profile.room else channel.AUTO, FLOOR, probe.measure())
            except channel.ChannelError as error:
                raise IronmoteError(f"{mote.board}: {error}") from error
        mote.channel, mote.why = decided[mote.board]
        mote.zone = HOME if mote.encrypts else CLEAR
    shutil.rmtree(folder / "probe", ignore_errors=True)
    return Stage(folder, fleet, profiles)


def _simulated(
    stage: Stage,
    mote: Mote,
    authority: Authority,
    sample_s: float,
    world: dict[str, Any],
    on_line: Callable[[str, str], None],
) -> SimulatedMote:
    profile = stage.profiles[mote.board]
    settings = _settings(stage.fleet, mote, profile, stage.taps[mote.id].port, sample_s)
    vault = {
        "wifi": secrets.token_urlsafe(12).encode(),
        # The boot counter begins at provisioning; a mote that finds none does not start.
        "boot0": epoch.slot(mote.generation, 0),
    }
    public: dict[str, bytes] = {}
    if mote.certified:
        credential = authority.issue(mote.id)
        vault["key"] = credential.key_der
        public = {"/ca.der": authority.ca_der, "/cert.der": credential.cert_der}
    if mote.seals or mote.shares_key:
        vault["root"] = mote.root
    return SimulatedMote(
        profile, settings, vault, public, stage.folder / mote.id, world, lambda line: on_line(mote.id, line)
    )


def _settings(fleet: Fleet, mote: Mote, profile: Profile, port: int, sample_s: float) -> dict[str, Any]:
    """What mote.settings describes. Before the channel is decided it says "auto"."""
    return {
        "v": 1,
        "mote": mote.id,
        "fleet": fleet.id,
        "board": mote.board,
        "zone": mote.zone,
        "generation": mote.generation,
        "channel": mote.channel or "auto",
        "floor": FLOOR,
        "room": profile.room,
        "wifi": {"ssid": _NETWORK},
        "broker": {"host": "127.0.0.1", "port": port, "name": SERVER_NAME},
        "connect": mote.connect,
        "keepalive_s": 30,
        "timeout_ms": 10_000,
        "sample_ms": round(sample_s * 1000),
        "command_age_s": 60,
        "clock_floor": int(time.time()),
        "ntp": "pool.ntp.org",
        "i2c": {"sda": profile.pins.i2c_sda, "scl": profile.pins.i2c_scl, "freq_hz": 100_000},
        "onewire": None,
        "sensors": mote.sensors,
        "actuators": mote.actuators,
        "led": profile.pins.led,
        "outbox": 32,
    }


def _sensors() -> list[dict[str, Any]]:
    return [
        {
            "kind": "bme280",
            "address": 0x76,
            "names": {"temperature": "temperature", "humidity": "humidity", "pressure": "pressure"},
        },
        {"kind": "bh1750", "address": 0x23, "names": {"illuminance": "light"}},
    ]


def _actuators(profile: Profile) -> list[dict[str, Any]]:
    return [
        {"kind": "relay", "name": "relay", "pin": profile.pins.relay, "safe": 0},
        {"kind": "dimmer", "name": DIMMER, "pin": profile.pins.dimmer, "freq_hz": 1000, "safe": 0},
    ]
