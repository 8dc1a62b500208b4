"""A broker, its gateway and motes that run, every part of which can be broken: what `make soak` runs on."""

import contextlib
import os
import shutil
import signal
import threading
import time
from pathlib import Path

from channel_motes import ChannelMote, add
from faulty_link import NONE, Fault, FaultyLink
from ironmote.brokers import endpoint
from ironmote.brokers.mosquitto import MosquittoBroker
from ironmote.brokers.nats import NatsBroker
from ironmote.brokers.process import ServerProcess
from ironmote.certificates import Authority
from ironmote.errors import IronmoteError
from ironmote.fleet import Fleet
from ironmote.gateway import CommandEnded, Gateway, RecordSeen
from ironmote.gateway.members import members_of
from reckoning import Account, settle, stored_in, taken_in, told_in

ROWS = 60_000
_HEARD_S = 150.0  # a mote that is not heard for so long after its last fault has given up
CHANNELS = {"nats": ("sealed", "tls"), "mosquitto": ("sealed", "tls-psk")}


def rows(path: Path) -> Path:
    """What the sensors of the motes feel: light that gives another count of a BH1750 each time, from 1 on."""
    path.write_text("".join(f"20.0,40.0,{count / 1.2:.4f}\n" for count in range(1, ROWS)))
    return path


class SoakMote:
    """One mote, its link, and which fault was put on it when."""

    def __init__(self, site: "SoakSite", name: str, channel: str, sample_ms: int, seed: int) -> None:
        board = "esp8266" if channel == "sealed" else "esp32"
        self.name, self.channel = name, channel
        mote = add(site.fleet, name, channel, board)
        mote.connect = site.broker_class.connect
        self._mote = mote
        self._site = site
        self._change = {
            "keepalive_s": 5, "timeout_ms": 1500, "sample_ms": sample_ms, "outbox": 64, "keep_s": 4,
        }  # fmt: skip
        self._seed = seed
        self.faults: list[tuple[int, str]] = []
        self.heard = 0  # records that the gateway has seen
        self.done = 0  # commands that the mote has obeyed

    def make(self) -> None:
        """Put the mote on its board, behind its link."""
        self.link = FaultyLink(endpoint(self._site.broker, self._mote).port, seed=self._seed)
        world = {"kind": "replay", "rows": str(self._site.rows)}
        self.mote = ChannelMote(
            self._site.fleet, self._mote, self._site.authority, self.link.port, self._site.folder / self.name,
            world=world, **self._change,
        )  # fmt: skip
        self.mote.put("{}")

    @property
    def clear(self) -> bool:
        """True where the link sees packets of MQTT."""
        return self.channel == "sealed"

    def now(self, fault: str) -> None:
        """Note that from here on `fault` is in force."""
        self.faults.append((int(time.time() * 1000), fault))

    def cut_power(self) -> None:
        """Power fails and comes back at once."""
        self.mote.board.stop()
        self.mote.board.start()

    def heal(self) -> None:
        """Take all faults off link and board."""
        self.link.become(NONE)
        self.mote.put("{}")

    def suffer(self, fault: Fault) -> None:
        self.link.become(fault)

    def close(self) -> None:
        if hasattr(self, "mote"):
            self.mote.board.stop()
            self.link.close()


class SoakSite:
    """`kind` is nats or mosquitto. Everything is in `folder`."""

    def __init__(self, kind: str, folder: Path, seed: int, sample_ms: int) -> None:
        self.kind, self.folder = kind, folder
        self.broker_class = NatsBroker if kind == "nats" else MosquittoBroker
        folder.mkdir(parents=True)
        self.rows = rows(folder / "rows")
        self.fleet, self.authority = Fleet.create(), Authority.create()
        self.motes = [
            SoakMote(self, f"{kind}-{channel}", channel, sample_ms, seed + number)
            for number, channel in enumerate(CHANNELS[kind])
        ]
        self.broker = self.broker_class(self.fleet, self.authority, folder / "broker")
        self.gateway: Gateway | None = None
        self.lock = threading.RLock()  # broker and gateway are broken by one hand at a time
        self.gave_up: list[str] = []
        self.windows: list[tuple[int, int, str]] = []  # of its own faults: from, until, which
        self.lost: dict[str, int] = {}  # by mote, as the gateway says; known once it has stopped

    def start(self) -> None:
        self.broker.start()
        self.start_gateway()
        for mote in self.motes:
            mote.make()
            mote.now("none")
            mote.mote.board.start()

    def stop(self) -> None:
        for mote in self.motes:
            mote.close()
        self.stop_gateway()
        self.broker.stop()

    def start_gateway(self) -> None:
        with self.lock:
            self.gateway = Gateway(
                self.fleet.id, members_of(self.fleet), self.broker.gateway, self.folder / "gateway.db", self._hear
            )
            self.gateway.start(60)

    def stop_gateway(self) -> None:
        with self.lock:
            if self.gateway is not None:
                self.gateway.stop()
                self.lost = self.gateway.lost
                self.gateway = None

    def send(self, mote: SoakMote, value: int) -> None:
        """Switch the relay of `mote`; whether it gets there is its link's affair."""
        with self.lock, contextlib.suppress(IronmoteError):
            if self.gateway is not None:
                self.gateway.send(mote.name, "relay", value, 10)

    def kill_broker(self, pause_s: float, *, forgets: bool) -> None:
        """SIGKILL every process of the broker, and start them again; `forgets` removes what it had on its disk."""
        with self.lock:
            processes = self._processes()
            for process in processes:
                assert process.pid is not None
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
                process.stop()
            if forgets:
                for memory in (*(self.folder / "broker").glob("jetstream-*"), self.folder / "broker" / "memory"):
                    if memory.exists():
                        shutil.rmtree(memory)
                        if memory.name == "memory":
                            memory.mkdir()
            time.sleep(pause_s)
            self._up(processes)

    def restart_broker(self, pause_s: float) -> None:
        """Ask every process of the broker to end, and start them again."""
        with self.lock:
            processes = self._processes()
            for process in processes:
                process.stop()
            time.sleep(pause_s)
            self._up(processes)

    def restart_gateway(self, pause_s: float) -> None:
        with self.lock:
            self.stop_gateway()
            time.sleep(pause_s)
            self.start_gateway()

    def _processes(self) -> list[ServerProcess]:
        if isinstance(self.broker, NatsBroker):
            return self.broker.processes[:2]  # the authenticator behind them goes on
        return [self.broker._process]

    def _up(self, processes: list[ServerProcess]) -> None:
        for process in processes:
            process.start()

    def _hear(self, event: object) -> None:
        for mote in self.motes:
            if isinstance(event, RecordSeen) and event.mote == mote.name:
                mote.heard += 1
            elif isinstance(event, CommandEnded) and event.mote == mote.name and event.result == "done":
                mote.done += 1

    def drain(self) -> int:
        """Take all faults away and wait until what was taken until now is stored, or can be no more; return when.

        Whoever is not heard in `_HEARD_S` has given up.
        """
        for mote in self.motes:
            mote.heal()
            mote.now("none")
        until = int(time.time() * 1000)
        end = time.monotonic() + _HEARD_S
        for mote in self.motes:
            board = mote.mote.board
            while board.alive and not self._newer(mote, until) and time.monotonic() < end:
                time.sleep(0.5)
            if not self._newer(mote, until):
                why = board.exit_reason or "not heard"
                self.gave_up.append(f"{mote.name}: {why}: {' / '.join(board.console[-4:])}")
        time.sleep(3)  # what is sent again comes after what is new
        return until

    def _newer(self, mote: SoakMote, since_ms: int) -> bool:
        """True where a reading taken after `since_ms` is stored."""
        late = [each.value for each in taken_in(mote.mote.board.folder / "taken", 1 << 62) if each.ms > since_ms]
        if not late:
            return False
        stored = stored_in(self.folder / "gateway.db", mote.name)
        return any(value in stored for value in late)

    def account(self, until_ms: int) -> dict[tuple[str, str], Account]:
        """What became of every reading that was taken until then; the gateway must have stopped."""
        return {
            (mote.name, f"{mote.channel}, {self.kind}"): settle(
                taken_in(mote.mote.board.folder / "taken", until_ms),
                stored_in(self.folder / "gateway.db", mote.name),
                self._in_force(mote),
                told_in(self.folder / "gateway.db", mote.name),
            )
            for mote in self.motes
        }

    def _in_force(self, mote: SoakMote) -> list[tuple[int, str]]:
        """The faults that `mote` felt: its own, and over them those of the site."""
        found = [each for each in mote.faults if not any(begin <= each[0] < end for begin, end, _ in self.windows)]
        for begin, end, name in self.windows:
            after = [own for ms, own in mote.faults if ms < end]
            found += [(begin, name), (end, after[-1] if after else "none")]
        return sorted(found)
