"""The history as tables and as JSON."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ..demo.motes_view import sparkline, with_unit
from .reader import Bucket, CommandSeen, History, Latest, RefusalSeen, Status

Table = tuple[Sequence[str], list[list[str]]]

_SPARK = 32
_ONLINE = {True: "online", False: "gone"}
_DAY_S = 86_400


def latest(history: History, motes: Sequence[str], since: float, until: float) -> tuple[list[dict[str, Any]], Table]:
    """The last value of each reading of `motes`, and how it was since then."""
    data: list[dict[str, Any]] = []
    rows = []
    for mote in motes:
        for each in history.latest(mote):
            buckets = history.buckets(mote, each.name, since, until, _SPARK)
            data.append(asdict(each) | _span(buckets))
            rows.append([mote, each.name, with_unit(each.value, each.unit), _when(each.at), *_of(buckets, each)])
    return data, (("mote", "reading", "value", "at", "lowest", "highest", ""), rows)


def over_time(
    history: History, mote: str, name: str, since: float, until: float, count: int
) -> tuple[list[dict[str, Any]], Table]:
    """One reading over a time, in at most `count` rows; a text has a row for each value that it had."""
    newest = next((each for each in history.latest(mote) if each.name == name), None)
    unit = newest.unit if newest is not None else None
    buckets = history.buckets(mote, name, since, until, count)
    if not buckets:
        points = history.points(mote, name, since, until, count)
        rows = [[_when(each.at), with_unit(each.value, each.unit)] for each in points]
        return [asdict(each) for each in points], (("at", "value"), rows)
    low, high = min(each.lowest for each in buckets), max(each.highest for each in buckets)
    rows = [
        [
            _when(each.at),
            *(with_unit(value, unit) for value in (each.lowest, each.mean, each.highest)),
            str(each.count),
            _bar(each.mean, low, high),
        ]
        for each in buckets
    ]
    return [asdict(each) for each in buckets], (("from", "lowest", "mean", "highest", "values", ""), rows)


def commands(found: list[CommandSeen]) -> Table:
    """What was asked, and what came of it."""
    rows = [
        [_when(each.made), each.name, _said(each.value), each.result or "open", _said(each.state), each.why or ""]
        for each in found
    ]
    return ("asked", "actuator", "value", "result", "state", "why"), rows


def statuses(found: list[Status]) -> Table:
    """What a mote said of itself."""
    rows = [
        [
            _when(each.arrived),
            "online" if each.online else "gone",
            str(each.boot),
            each.said.get("reset", ""),
            _rest(each),
        ]
        for each in found
    ]
    return ("at", "state", "boot", "reset", ""), rows


def refusals(found: list[RefusalSeen]) -> Table:
    """What was not believed."""
    rows = [
        [_when(each.at), each.mote or "–", each.zone, str(each.times), "alert" if each.alert else "", each.why]
        for each in found
    ]
    return ("minute", "mote", "zone", "times", "", "why"), rows


def _span(buckets: list[Bucket]) -> dict[str, Any]:
    if not buckets:
        return {"lowest": None, "highest": None, "means": []}
    lowest, highest = min(each.lowest for each in buckets), max(each.highest for each in buckets)
    return {"lowest": lowest, "highest": highest, "means": [[each.at, each.mean] for each in buckets]}


def _of(buckets: list[Bucket], last: Latest) -> list[str]:
    if not buckets:
        return ["", "", ""]
    span = _span(buckets)
    spark = sparkline([each.mean for each in buckets], _SPARK)
    ends = [] if isinstance(last.value, bool) else [with_unit(span[each], last.unit) for each in ("lowest", "highest")]
    return [*(ends or ["", ""]), spark]


def _bar(value: float, low: float, high: float) -> str:
    if high == low:
        return ""
    return "█" * round((value / 2 - low / 2) / (high / 2 - low / 2) * _SPARK)


def _rest(status: Status) -> str:
    shown = ("version", "channel", "free", "rssi", "lost", "last")
    return ", ".join(f"{name} {status.said[name]}" for name in shown if status.said.get(name) not in (None, ""))


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "" if value is None else str(value)


def _when(at: float) -> str:
    """Local time; of another day with its date."""
    shown = time.localtime(at)
    today = abs(time.time() - at) < _DAY_S and shown.tm_mday == time.localtime().tm_mday
    return time.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M", shown)
