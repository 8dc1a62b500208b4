"""The fleet as a table that moves, for a terminal: what `ironmote listen --table` shows."""

import time
from collections import deque
from collections.abc import Iterable
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from .demo import motes_view
from .demo.screen import rows_of
from .demo.watch import MoteWatch
from .line_words import Line, LineWords

_FRAMES_S = 4
_EVENTS = 6
_TABLE_FROM = 90  # columns; below it each mote has lines of its own


class LiveTable:
    """Draws the motes of an `overview` (gateway.owner), and what happened last. Use it with `with`."""

    def __init__(self, overview: Iterable[dict[str, Any]]) -> None:
        self._motes = {mote["id"]: _watched(mote) for mote in overview}
        self._words = LineWords(max((len(name) for name in self._motes), default=0))
        self._happened: deque[Text] = deque(maxlen=_EVENTS)
        self._records: dict[str, Any] = {}
        self._console = Console()
        self._live = Live(console=self._console, auto_refresh=False, vertical_overflow="crop")
        self._drawn = 0.0

    def __enter__(self) -> "LiveTable":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._draw()
        self._live.stop()

    def take(self, line: Line | None) -> None:
        """Note a line, or that none came; draw again, not more often than eyes can follow."""
        if line is not None:
            self._note(line)
        if time.monotonic() - self._drawn > 1 / _FRAMES_S:
            self._draw()

    def _note(self, line: Line) -> None:
        mote, event = self._motes.get(line.get("mote", "")), line["event"]
        if event != "reading":
            self._happened.extend(self._words.of(line))
        if mote is None:
            return
        if event == "reading":
            mote.online = True
            mote.messages += self._records.get(mote.id) != line.get("record")
            self._records[mote.id] = line.get("record")
            mote.note(line["name"], line["unit"], line["value"])
        elif event == "state":
            mote.online = line["online"]
            mote.messages += 1
            mote.channel, mote.why = line.get("channel") or mote.channel, line.get("why") or mote.why
        elif event == "refused":
            mote.refused += line["times"]

    def _draw(self) -> None:
        self._drawn = time.monotonic()
        size = self._console.size
        happened: RenderableType = Group(*(self._happened or [Text("nothing yet", style="dim")]))
        panel = Panel(happened, title="what happened", title_align="left", border_style="dim", box=box.ROUNDED)
        room = max(1, size.height - _EVENTS - 3)
        self._live.update(Group(self._fitting(size.width, room), panel), refresh=True)

    def _fitting(self, width: int, room: int) -> RenderableType:
        """The largest form of the motes that the terminal has room for."""
        motes = list(self._motes.values())
        if not motes:
            return Text("no mote of this fleet has been provisioned yet", style="dim")
        for form in (motes_view.table, motes_view.blocks) if width >= _TABLE_FROM else (motes_view.blocks,):
            shown = form(motes, width)
            if rows_of(shown, width) <= room:
                return shown
        return motes_view.lines(motes, room)


def _watched(mote: dict[str, Any]) -> MoteWatch:
    watched = MoteWatch(mote["id"], mote["board"], mote["channel"], mote["why"], online=mote["online"])
    watched.refused = mote["refused"]
    for name, latest in mote["latest"].items():
        watched.note(name, latest["unit"], latest["value"])
    return watched
