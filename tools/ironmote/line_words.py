"""The lines of a gateway as people read them, one a record or happening: what `ironmote listen` shows."""

import time
from collections.abc import Iterator
from typing import Any

from rich.text import Text

from .demo.motes_view import with_unit
from .plain import plain

Line = dict[str, Any]

_RESULT = {"done": ("✓", "green"), "refused": ("✗", "red"), "expired": ("⌛", "yellow")}
_SEVERITY = {"critical": "bold red", "warning": "yellow", "info": "cyan"}
_NAMES = 8  # columns that a mote's name takes at least


class LineWords:
    """Puts the readings of one record together; `width` is that of the longest name of a mote."""

    def __init__(self, width: int = _NAMES) -> None:
        self._width = max(width, _NAMES)
        self._readings: list[Line] = []

    def of(self, line: Line) -> Iterator[Text]:
        """What to show now that `line` has come. The last record is shown with the next line, or by `rest`."""
        if line["event"] == "reading":
            if self._readings and _whose(self._readings[0]) != _whose(line):
                yield from self.rest()
            self._readings.append(line)
            return
        yield from self.rest()
        words = _words(line)
        if words is not None:
            yield self._headed(line, words)

    def rest(self) -> Iterator[Text]:
        """The record that is not shown yet, if there is one."""
        readings, self._readings = self._readings, []
        if readings:
            words = Text("  ").join(
                Text.assemble((plain(each["name"]), "dim"), " ", (with_unit(each["value"], each["unit"]), "bold"))
                for each in readings
            )
            yield self._headed(readings[0], words)

    def _headed(self, line: Line, words: Text) -> Text:
        when = time.strftime("%H:%M:%S", time.localtime(line.get("time", time.time())))
        mote = plain(str(line.get("mote") or "?")).ljust(self._width)
        return Text.assemble((when, "dim"), "  ", (mote, "bold cyan"), "  ", words, no_wrap=True, overflow="fold")


def _whose(reading: Line) -> tuple[Any, ...]:
    return (reading["mote"], *(reading.get("record") or ()))


def _words(line: Line) -> Text | None:
    event = line["event"]
    why = plain(str(line.get("why") or ""))
    if event == "state":
        return _state(line)
    if event == "refused":
        times = f" ({line['times']} times)" if line.get("times", 1) > 1 else ""
        return Text(f"✗ refused in zone {plain(line['zone'])}: {why}{times}", "bold red" if line["alert"] else "red")
    if event == "switch":
        felt = "" if line["sensor"] is None else f": {line['sensor']} {with_unit(line['felt'], None)}"
        return Text(plain(f"{line['name']} is {with_unit(line['value'], line['unit'])}, by its {line['rule']}{felt}"))
    if event == "command":
        sign, style = _RESULT.get(line["result"], ("?", "yellow"))
        found = line["value"]
        value = "" if found is None else f" {found:g}" if isinstance(found, int | float) else f" {found}"
        return Text(plain(f"{sign} {line['command']}: {line['result']}{value}{', ' if why else ''}{why}"), style)
    if event == "alert":
        if line.get("over") is not None:
            return Text(plain(f"✓ over: {line['kind']}: {line['text']}"), "green")
        return Text(plain(f"! {line['kind']}: {line['text']}"), _SEVERITY.get(line["severity"], "yellow"))
    said = _SAID.get(event)
    return None if said is None else Text(plain(said[0].format_map(line)), said[1])


_SAID = {
    "confirmed": ("✓ confirmed: it answered a challenge in boot {boot}", "green"),
    "missing": ("? records may be missing after number {after} of boot {boot}", "yellow"),
    "skipped": ("? numbers leap from {after} to {number} in boot {boot}", "yellow"),
    "rotated": ("✓ heard under root key {generation}", "green"),
    "kept": ("✗ keeps its root key: {why}", "red"),
    "revoked": ("✗ revoked: nothing of it is believed", "bold red"),
}


def _state(line: Line) -> Text:
    if not line["online"]:
        return Text("○ gone, says its will", "yellow")
    words = f"● online, boot {line['boot']}, {line.get('channel', '')}"
    words += f", {line['free'] // 1024} KiB free" if "free" in line else ""
    words += f", {line['rssi']} dBm" if "rssi" in line else ""
    words += f", missing {' '.join(line['missing'])}" if "missing" in line else ""
    words += f", last: {line['last']}" if "last" in line else ""
    return Text(plain(words), "green")
