"""The least heap in which a whole mote runs, found by bisection with -X heapsize.

    python benchmarks/least_heap.py

The mote is the device's own files, compiled for their board, on the simulated board, with a real broker: it has to get
a reading acknowledged, obey a command, and go on for some seconds without starting anew and without a word of memory on
its console. MicroPython's unix port has words of 64 bits, so a 32-bit board needs about half of what is the mote's.
"""

import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "host_tests"))  # motes as the tests make them

from channel_motes import ChannelMote, add
from ironmote import boards
from ironmote.brokers import endpoint
from ironmote.brokers.nats import NatsBroker
from ironmote.certificates import Authority
from ironmote.fleet import Fleet
from ironmote.gateway import CommandEnded, Event, Gateway, RecordSeen
from ironmote.gateway.members import members_of
from rich.console import Console
from rich.table import Table

MOTES = (("sealed", "esp8266"), ("tls", "esp32"))
WITHIN_S, FOR_S = 40.0, 6.0
STEP = 4_000
TRIES = 24  # at most, for each: twice as many as halving takes
_WORDS = ("MemoryError", "no memory", "Traceback")


class Site:
    """A broker and a gateway, and who was heard."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.fleet, self.authority = Fleet.create(), Authority.create()
        for channel, board in MOTES:
            for number in range(TRIES):
                add(self.fleet, f"{channel}-{number}", channel, board).connect = "token"
        self.broker = NatsBroker(self.fleet, self.authority, folder / "broker")
        self.records: dict[str, int] = {}
        self.obeyed: dict[str, int] = {}
        # A mote that is made anew counts its boots anew, and under the same key it would rightly be refused.
        self._new = {channel: iter(range(TRIES)) for channel, _ in MOTES}

    def start(self) -> None:
        self.broker.start()
        self.gateway = Gateway(
            self.fleet.id, members_of(self.fleet), self.broker.gateway, self._folder / "g.db", self._hear
        )
        self.gateway.start()

    def stop(self) -> None:
        self.gateway.stop()
        self.broker.stop()

    def _hear(self, event: Event) -> None:
        if isinstance(event, RecordSeen):
            self.records[event.mote] = self.records.get(event.mote, 0) + 1
        elif isinstance(event, CommandEnded) and event.result == "done":
            self.obeyed[event.mote] = self.obeyed.get(event.mote, 0) + 1

    def runs(self, channel: str, folder: Path, heap: int) -> bool:
        """True where the mote of `channel` runs on a board whose whole simulated heap is `heap` bytes.

        Where it says nothing of memory, and yet does not do its work in time, the machine may be busy: once more.
        """
        found = self._try(channel, folder, heap)
        return bool(self._try(channel, folder, heap) if found is None else found)

    def _try(self, channel: str, folder: Path, heap: int) -> bool | None:
        mote = self.fleet.motes[f"{channel}-{next(self._new[channel])}"]
        profile = boards.load(mote.board)
        # All of `heap` is the board's: what is code and simulation in it is taken off in the table.
        profile = replace(profile, heap_bytes=heap // 2, frozen_code_bytes=0, sim_bytes=0)
        made = ChannelMote(
            self.fleet, mote, self.authority, endpoint(self.broker, mote).port, folder / mote.id, profile=profile,
            outbox=16, sample_ms=500,
        )  # fmt: skip
        made.put("{}")
        made.board.start()
        try:
            sent = False
            begin = time.monotonic()
            while time.monotonic() - begin < WITHIN_S:
                if not made.board.alive or made.board.restarts or any(made.said(word) for word in _WORDS):
                    return False
                seen = self.records.get(mote.id, 0)
                if seen and not sent:
                    sent = True
                    self.gateway.send(mote.id, "relay", 1)
                if seen >= FOR_S / 0.5 and self.obeyed.get(mote.id, 0):
                    return True
                time.sleep(0.1)
            return None
        finally:
            made.board.stop()

    def least(self, channel: str) -> int:
        """The least whole heap, in steps of STEP."""
        low, high = 160_000, 600_000  # it does not run in the first, and does in the second
        folder = self._folder / channel
        if not self.runs(channel, folder, high):
            raise SystemExit(f"the {channel} mote does not run at all")
        while high - low > STEP:
            middle = (low + high) // 2 // STEP * STEP
            if self.runs(channel, folder, middle):
                high = middle
            else:
                low = middle
        return high


def main() -> None:
    table = Table(title="least heap in which a whole mote runs, bytes")
    for words in (
        "channel",
        "board",
        "-X heapsize",
        "simulation",
        "its image's code",
        "left for the mote",
        "32-bit words",
    ):
        table.add_column(words, justify="left" if words in ("channel", "board") else "right")
    with tempfile.TemporaryDirectory() as scratch:
        site = Site(Path(scratch))
        site.start()
        try:
            with ThreadPoolExecutor() as pool:
                found = list(pool.map(site.least, [channel for channel, _ in MOTES]))
        finally:
            site.stop()
    for (channel, board), heap in zip(MOTES, found, strict=True):
        profile = boards.load(board)
        left = heap - profile.sim_bytes - profile.frozen_code_bytes
        numbers = (heap, profile.sim_bytes, profile.frozen_code_bytes, left, left // 2)
        table.add_row(channel, board, *(f"{number:,}" for number in numbers))
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
