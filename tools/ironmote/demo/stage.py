"""Everything the demo runs on: fleet, certificates, broker, gateway, taps and motes, set up and taken down in order."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from .. import guard, interrupts, secret_files
from ..boards import Profile
from ..brokers import Broker, endpoint
from ..brokers.mosquitto import MosquittoBroker
from ..brokers.nats import NatsBroker
from ..certificates import Authority
from ..errors import IronmoteError
from ..fleet import Fleet
from ..gateway import Event, Gateway, roster
from ..gateway.hub import Hub
from ..gateway.owner import LiveOwner
from ..simulate import SimulatedMote
from . import motes
from .tap import Tap, Taps
from .wire import Direction

_DAY_S = 240  # about a day of the simulated room: something happens while one watches
_MORNING = 0.29  # of a day
_WEEK = 7  # days in which the room gets warmer and colder
_COLD = 3  # the day of it on which every mote of the demo feels a cold morning
_BROKERS: dict[str, type[NatsBroker] | type[MosquittoBroker]] = {"nats": NatsBroker, "mosquitto": MosquittoBroker}


class Stage:
    """The running parts of a demo. Motes are built but not switched on."""

    def __init__(self, folder: Path, fleet: Fleet, profiles: dict[str, Profile]) -> None:
        self.folder = folder
        self.store = folder / "gateway.db"
        self.fleet = fleet
        self.profiles = profiles
        self.motes: dict[str, SimulatedMote] = {}
        self.taps: dict[str, Tap] = {}
        self.tapped: Taps
        self.broker: Broker
        self.gateway: Gateway
        self.owner: LiveOwner
        self.hub: Hub[Event] = Hub()

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
        stage = Stage(folder, *motes.enlist(folder / "probe", count, wanted, on_phase))
        authority = Authority.create()

        on_phase(f"starting {broker}")
        kind = _BROKERS[broker]
        for mote in stage.fleet.motes.values():
            mote.connect = kind.connect
        stage.broker = kind(stage.fleet, authority, folder / "broker")
        stack.callback(stage.broker.stop)
        stage.broker.start()

        on_phase("starting the gateway")
        served = roster.of_fleet(stage.fleet)
        stage.gateway = Gateway(stage.fleet.id, served.members, stage.broker.gateway, stage.store, stage.hub)
        stage.owner = LiveOwner(stage.gateway, served)
        stage.hub.add(stage.owner.take)
        stage.hub.add(on_event)
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
            made = motes.simulated(
                stage.fleet,
                mote,
                stage.profiles[mote.board],
                authority,
                folder / mote.id,
                stage.taps[mote.id].port,
                sample_s,
                {**world, "seed": 7 + 101 * index},
                on_line,
            )
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
    """A length of the room's day, counted from 1970, by which it is a cold morning at `now` (seconds since 1970)."""
    return now / (now // (_WEEK * _DAY_S) * _WEEK + _COLD + _MORNING)
