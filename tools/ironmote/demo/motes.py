"""The motes of the demo: who they are, what hangs on their boards, which channel each of them gets."""

import secrets
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mote import channel

from .. import boards, mote_file, provision
from ..boards import Profile
from ..brokers import SERVER_NAME
from ..certificates import Authority
from ..errors import IronmoteError
from ..fleet import CLEAR, HOME, Fleet, Mote
from ..mote_file import Known
from ..simulate import SimulatedMote

NAMES = (
    "kitchen", "cellar", "attic", "garage", "office", "nursery", "hall", "study", "porch", "pantry", "bathroom", "shed",
)  # fmt: skip
BOARDS = ("esp32", "esp8266")
DIMMER = "dimmer"
FLOOR = "sealed"
_NETWORK = "ironmote demo"


def enlist(scratch: Path, count: int, wanted: str, on_phase: Callable[[str], None]) -> tuple[Fleet, dict[str, Profile]]:
    """A fleet of `count` motes and the profiles of their boards, by name.

    Each mote's channel is decided from what its board's own firmware says it can do; the boards that are asked are
    made in `scratch`, which is removed. `wanted` is the channel of the boards that have room for TLS, or "auto".
    """
    fleet = Fleet.create()
    profiles: dict[str, Profile] = {}
    decided: dict[str, tuple[str, str]] = {}
    for index in range(count):
        mote = fleet.add(NAMES[index] if index < len(NAMES) else f"mote-{index + 1}", BOARDS[index % len(BOARDS)])
        profile = profiles.setdefault(mote.board, boards.load(mote.board))
        mote.sensors, mote.actuators, mote.rules = _sensors(), _actuators(profile), _rules()
        if mote.board not in decided:
            on_phase(f"asking the firmware of {mote.board} what it can do")
            probe = SimulatedMote(
                profile, _settings(fleet, mote, profile, 1, 1.0), {}, {}, scratch / mote.board, wifi={}
            )
            probe.build()
            try:
                decided[mote.board] = channel.choose(wanted if profile.room else channel.AUTO, FLOOR, probe.measure())
            except channel.ChannelError as error:
                raise IronmoteError(f"{mote.board}: {error}") from error
        mote.channel, mote.why = decided[mote.board]
        mote.zone = HOME if mote.encrypts else CLEAR
    shutil.rmtree(scratch, ignore_errors=True)
    return fleet, profiles


def simulated(
    fleet: Fleet,
    mote: Mote,
    profile: Profile,
    authority: Authority,
    folder: Path,
    port: int,
    sample_s: float,
    world: dict[str, Any],
    on_line: Callable[[str, str], None],
) -> SimulatedMote:
    """`mote` on a simulated board in `folder`, not built yet; its broker is at `port`."""
    credential = authority.issue(mote.id) if mote.certified else None
    public = {} if credential is None else {"/ca.der": authority.ca_der, "/cert.der": credential.cert_der}
    return SimulatedMote(
        profile,
        _settings(fleet, mote, profile, port, sample_s),
        provision.secrets_for(mote, secrets.token_urlsafe(12).encode(), credential),
        public,
        folder,
        world,
        lambda line: on_line(mote.id, line),
    )


def _settings(fleet: Fleet, mote: Mote, profile: Profile, port: int, sample_s: float) -> dict[str, Any]:
    """What mote.settings describes, by way of what an owner would write. Before the channel is decided it is "auto"."""
    table = {
        "board": mote.board,
        "floor": FLOOR,
        "keepalive_s": 30,
        "sample_ms": round(sample_s * 1000),
        "sensor": mote.sensors,
        "actuator": mote.actuators,
        "rule": mote.rules,
    }
    known = Known(
        mote=mote.id,
        fleet=fleet.id,
        zone=mote.zone,
        broker={"host": "127.0.0.1", "port": port, "name": SERVER_NAME},
        generation=mote.generation,
        channel=mote.channel or channel.AUTO,
        wifi={"ssid": _NETWORK},
        clock_floor=int(time.time()),
        connect=mote.connect,
    )
    return mote_file.compile(mote_file.of_table(table, f"{mote.id} of the demo", lambda _: profile), profile, known)


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
        {"kind": "relay", "name": "relay", "pin": profile.wiring.relay, "safe": 0},
        {"kind": "dimmer", "name": DIMMER, "pin": profile.wiring.dimmer, "freq_hz": 1000, "safe": 0},
    ]


def _rules() -> list[dict[str, Any]]:
    """A heater on the relay, which the room's mornings switch on and its noons off."""
    return [{"kind": "thermostat", "actuator": "relay", "sensor": "temperature", "target": 21.0, "hysteresis": 0.25}]
