"""What `ironmote power` shows of a mote file: the figures of ironmote.wake_cost, and what they stand on."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mote import channel, topics

from . import boards, mote_file, wake_cost
from .errors import IronmoteError

NOT_MEASURED = "computed, not measured: no board was tried"
# What a file does not say and a fleet would, of usual length.
_MOTE = "mote-of-ten"
_BROKER = {"host": "broker.example", "port": 8883, "name": "broker.example"}


def show(path: Path, every: int | None, assumptions: wake_cost.Assumptions, as_json: bool) -> str:
    """The costs of the mote file at `path`, as text; `every` stands in for its send_every.

    Raises IronmoteError, or OSError of reading.
    """
    file = mote_file.load(path)
    profile = boards.load(file.board)
    way = file.channel
    if way == channel.AUTO:
        way = channel.TLS if profile.room else channel.SEALED
    known = mote_file.Known(
        mote=path.stem if topics.is_id(path.stem) else _MOTE,
        fleet=bytes(16),
        zone=file.zone or "home",
        broker=_BROKER,
        generation=1,
        channel=way,
        wifi={"ssid": "home"},
        clock_floor=1_760_000_000,
    )
    settings = mote_file.compile(file, profile, known)
    if not settings.get("sleep_ms"):
        raise IronmoteError(f"{path}: it never sleeps deeply, so it has no wakings; give it a sleep_ms")
    if every is not None:
        settings["send_every"] = every
    cost = wake_cost.cost(settings, way, profile.chip, assumptions)
    if as_json:
        found = {"channel": way, "measured": False} | dataclasses.asdict(cost)
        return json.dumps(found | {"assumptions": dataclasses.asdict(assumptions)})
    return "\n".join(_lines(settings, way, profile.chip, cost, assumptions))


def _lines(
    settings: Mapping[str, Any], way: str, chip: str, cost: wake_cost.Cost, assumed: wake_cost.Assumptions
) -> list[str]:
    every = settings.get("send_every", 1)
    alone = "" if wake_cost.rtc_bytes(chip) else f"; {chip} keeps nothing over a sleep, so every waking sends"
    years = "never worn out" if cost.flash_years is None else f"worn out after {cost.flash_years:,.1f} years"
    rows = [
        ("wakings", f"{cost.wakings:,.0f}", f"sleeps {settings['sleep_ms'] / 1000:g} s each"),
        ("sessions", f"{cost.sessions:,.0f}", f"send_every {every}, channel {way}" + alone),
        ("records", f"{cost.records:,.0f}", f"RTC memory holds {cost.held_records}"),
        ("bytes up", f"{cost.up_bytes:,.0f}", f"{cost.up_bytes / cost.sessions:,.0f} a session, in TCP"),
        ("bytes down", f"{cost.down_bytes:,.0f}", f"{cost.down_bytes / cost.sessions:,.0f} a session, in TCP"),
        ("bytes on air", f"{cost.air_bytes:,.0f}", "with headers of TCP and IP, and time servers"),
        ("time on air", f"{cost.air_s:,.1f} s", f"at {assumed.air_bit_s / 1e6:g} Mbit/s"),
        ("time awake", f"{cost.awake_s:,.0f} s", f"of it with the radio on {cost.radio_s:,.0f} s"),
        ("flash writes", f"{cost.flash_writes:,.1f}", years),
        (
            "charge",
            "not known" if cost.mah is None else f"{cost.mah:,.1f} mAh",
            cost.source or f"no currents of {chip}",
        ),
    ]
    lines = [f"a day of {settings['mote']}, {NOT_MEASURED}"]
    lines += [f"  {name:<13}{value:>12}   {about}" for name, value, about in rows]
    lines.append(
        f"assumed: boot {assumed.boot_s:g} s, loading what sends {assumed.load_s:g} s, joining {assumed.join_s:g} s, "
        f"certificates {assumed.handshake_s:g} s, round trip {assumed.trip_s:g} s; flash stands "
        f"{assumed.erase_cycles:,} erasures"
    )
    lines.append("not counted: commands, failures, the regulator and other parts of the board")
    return lines
