"""How late an actuator's limit may be looked after: the longest wait of each kind that blocks a mote's loop.

    python benchmarks/late_limits.py

A mote on the simulated board runs against a real broker, with what can block it: a TLS handshake, a name server and a
time server that do not answer, records that are written into flash. Each wait is as long as on
this machine; docs/HARDWARE.md says what boards add.
"""

import re
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "host_tests"))  # motes as the tests make them

from channel_motes import ChannelMote, add
from ironmote import tree
from ironmote.brokers import endpoint
from ironmote.brokers.nats import NatsBroker
from ironmote.certificates import Authority
from ironmote.fleet import Fleet
from rich.console import Console
from rich.table import Table

FOR_S = 8.0
LEAST_MS = 2
LATE = re.compile(r"looked after late, by ms (\d+)")
CASES = (
    ("sealed, all well", "sealed", {}),
    ("tls: handshake, all well", "tls", {}),
    ("time server that does not answer", "sealed", {"ntp": "silent"}),
    ("name server that does not answer", "sealed", {"dns": "silent"}),
    ("network that is gone", "sealed", {"wifi": "gone"}),
)


def longest_ms(folder: Path, number: int, channel: str, faults: dict[str, str]) -> int:
    """The longest that the mote was late, in milliseconds; 0 where it was never later than LEAST_MS."""
    fleet, authority = Fleet.create(), Authority.create()
    mote = add(fleet, f"late-{number}", channel)
    broker = NatsBroker(fleet, authority, folder / "broker")
    broker.start()
    made = ChannelMote(
        fleet, mote, authority, endpoint(broker, mote).port, folder / "mote", log="debug", keepalive_s=5,
        timeout_ms=1000, outbox=4, keep_s=1,
    )  # fmt: skip
    try:
        keeper = (tree.find().mote / "actuators" / "keeper.py").read_text()
        there = made.board.folder / "flash/lib/mote/actuators"
        (there / "keeper.mpy").unlink()
        (there / "keeper.py").write_text(re.sub(r"_LATE_MS = const\(\d+\)", f"_LATE_MS = const({LEAST_MS})", keeper))
        made.put(str(faults).replace("'", '"'))
        made.board.start()
        time.sleep(FOR_S)
        return max((int(found[1]) for line in list(made.lines) if (found := LATE.search(line))), default=0)
    finally:
        made.board.stop()
        broker.stop()


def main() -> None:
    table = Table("what happens", "a limit is looked after late by, at most")
    with tempfile.TemporaryDirectory() as scratch:
        for number, (words, channel, faults) in enumerate(CASES):
            late = longest_ms(Path(scratch) / str(number), number, channel, faults)
            table.add_row(words, f"{late} ms" if late else f"less than {LEAST_MS} ms")
    Console().print(table)


if __name__ == "__main__":
    main()
