"""Bytes on the wire for each channel: real sessions through a counting tap, with the mote's own code and Mosquitto.

    python benchmarks/wire_bytes.py

A session is what a mote does: handshake, CONNECT with its will, SUBSCRIBE, its status, then records of one reading
each at QoS 1, every PUBACK included, both directions together. Counted are the bytes that TCP carries; its own
headers and those of IP come on top, the same for every channel but for the number of segments.
"""

import json
import math
import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from ironmote import packages, tree
from ironmote.brokers import endpoint
from ironmote.brokers.mosquitto import MosquittoBroker
from ironmote.certificates import Authority
from ironmote.demo.tap import Tap, Taps
from ironmote.fleet import CLEAR, HOME, Fleet, Mote
from ironmote.interpreter import find_micropython
from mote.channel import CHANNELS
from rich.console import Console
from rich.table import Table

COUNTS = (1, 10, 1000)
DRIVER = Path(__file__).parent / "device" / "session.py"
STATUS = {
    "channel": "tls-psk+sealed", "why": "this firmware verifies certificates, and the board has room for a TLS session",
    "board": "esp32", "generation": 1, "reset": "power on", "firmware": "1.29.0", "free": 123456, "used": 65432,
    "missing": [], "dropped": 0, "refused": 0, "uptime": 12,
}  # fmt: skip
_TIME = 1_795_218_308
_QUIET_S = 0.3
_WIDTH = 110
_NOISE = 0.5  # bytes a reading; signatures in a handshake differ by a few bytes from one to the next
_boots = count(1)


def fleet_of_all_channels() -> Fleet:
    fleet = Fleet.create()
    for index, channel in enumerate(CHANNELS):
        mote = fleet.add(f"mote-{index}", "esp32")  # names of one length, so that they do not make the difference
        mote.channel = channel
        mote.zone = HOME if mote.encrypts else CLEAR
        mote.connect = "static"  # Mosquitto compares passwords; a token is longer by the digits of its counter
    return fleet


def run_session(folder: Path, fleet: Fleet, mote: Mote, tap: Tap, seen: list[int], readings: int) -> int:
    """The bytes of one session with this many readings; `seen` has the size of each piece that the tap passed on."""
    plan = {
        "mote": mote.id, "zone": mote.zone, "channel": mote.channel, "boot": next(_boots), "port": tap.port,
        "fleet": fleet.id.hex(), "root": mote.root.hex(), "count": readings, "status": STATUS, "time": _TIME,
        **{name: str(folder / f"{mote.id}.{name}") for name in ("ca", "cert", "key")},
    }  # fmt: skip
    path = folder / "plan.json"
    path.write_text(json.dumps(plan))
    before = sum(seen)
    lib = tree.find().mote.parent
    done = subprocess.run(
        [*find_micropython(), str(DRIVER), str(path)],
        env={**os.environ, "MICROPYPATH": f"{lib}:.frozen:{packages.fetch('umqtt-simple')}"},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    if f"sessions 1 acknowledged {readings + 1}" not in done.stdout:
        raise SystemExit(f"{mote.channel}: {done.stdout}{done.stderr}")
    while (total := sum(seen)) == before or time.sleep(_QUIET_S) or sum(seen) != total:
        pass
    return total - before


def measure(counts: Sequence[int] = COUNTS) -> dict[str, dict[int, int]]:
    """For each channel the bytes of a session, by how many readings it carried (0 is setting up alone)."""
    found: dict[str, dict[int, int]] = {}
    fleet, authority = fleet_of_all_channels(), Authority.create()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        broker = MosquittoBroker(fleet, authority, folder / "broker")
        broker.start()
        taps = Taps()
        try:
            for mote in fleet.motes.values():
                credential = authority.issue(mote.id)
                for name, data in (
                    ("ca", authority.ca_der),
                    ("cert", credential.cert_der),
                    ("key", credential.key_der),
                ):
                    (folder / f"{mote.id}.{name}").write_bytes(data)
                seen: list[int] = []
                tap = taps.add(endpoint(broker, mote), lambda _, data, seen=seen: seen.append(len(data)))
                found[mote.channel or ""] = {n: run_session(folder, fleet, mote, tap, seen, n) for n in (0, *counts)}
        finally:
            taps.close()
            broker.stop()
    return found


def each_reading(sizes: dict[int, int]) -> float:
    """The bytes of one more reading, over the longest session."""
    return (sizes[COUNTS[-1]] - sizes[0]) / COUNTS[-1]


def crossover(one: dict[int, int], other: dict[int, int]) -> str:
    """From how many readings a session on `other` takes fewer bytes than `one`, in words."""
    saved = each_reading(one) - each_reading(other)
    begin = other[0] - one[0]
    if abs(saved) < _NOISE:
        return "always" if begin < 0 else "never"
    if saved < 0:
        last = math.floor(begin / saved) if begin < 0 else 0
        return f"up to {last} readings" if last else "never"
    first = max(math.floor(begin / saved) + 1, 1)
    return f"from {first} readings" if first > 1 else "always"


def main() -> None:
    console = Console(width=_WIDTH)
    found = measure()
    table = Table(title="bytes on the wire, one reading a record, both directions")
    table.add_column("channel", no_wrap=True)
    table.add_column("setting up", justify="right")
    table.add_column("each reading", justify="right")
    for readings in COUNTS:
        table.add_column(f"per reading,\n{readings} a session", justify="right")
    for channel, sizes in found.items():
        per = [f"{sizes[readings] / readings:,.1f}" for readings in COUNTS]
        table.add_row(channel, f"{sizes[0]:,}", f"{each_reading(sizes):.1f}", *per)
    console.print(table)
    crossings = Table(title="sessions in which the channel on the left takes fewer bytes than the one above")
    crossings.add_column("", no_wrap=True)
    for channel in found:
        crossings.add_column(channel, justify="right")
    for channel, sizes in found.items():
        crossings.add_row(channel, *("" if other == channel else crossover(found[other], sizes) for other in found))
    console.print(crossings)


if __name__ == "__main__":
    main()
