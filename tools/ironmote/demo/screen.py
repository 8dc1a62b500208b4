"""The demo for people: a live table of the motes, what an eavesdropper sees of each link, and what happened."""

import io
import re
import time
from collections import deque
from pathlib import Path

from mote.channel import CHANNELS
from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ..errors import IronmoteError
from ..gateway import CommandEnded, Event, MessageRefused, MoteConfirmed, RecordSeen, StateSeen
from .tap import Tap
from .watch import MoteWatch, Series, Watch
from .wire_panel import wire_panel

_BLOCKS = "▁▂▃▄▅▆▇█"
_SPARK = 24
_SPARK_NARROW = 8
_NARROW = 90  # columns; below it the reasons are left out
_COMPACT_FROM = 5  # motes
_FRAMES_S = 8
_PICTURE_WIDTH = 124
_PICTURE_HEIGHT = 200
_PICTURE_EVENTS = 8
# How a unit is shown: its sign, a factor, decimals.
_UNITS = {
    "Cel": ("°C", 1.0, 2),
    "%RH": ("%", 1.0, 1),
    "Pa": ("hPa", 0.01, 1),
    "lx": ("lx", 1.0, 1),
    "%": ("%", 1.0, 0),
}
_CHANNEL_STYLE = {"sealed": "bold cyan"} | dict.fromkeys(CHANNELS[:-1], "bold green")
_RESULT = {"done": ("✓", "green"), "refused": ("✗", "red"), "expired": ("⌛", "yellow")}


def sparkline(values: list[float], width: int) -> str:
    """The last `width` values as blocks of a height between their lowest and their highest."""
    shown = values[-width:]
    if not shown:
        return ""
    low, high = min(shown), max(shown)
    if high == low:
        return _BLOCKS[3] * len(shown)
    scale = (len(_BLOCKS) - 1) / (high - low)
    return "".join(_BLOCKS[round((value - low) * scale)] for value in shown)


def with_unit(value: float | int | bool | str | None, unit: str | None) -> str:
    """A value as people write it: 23.71 °C, 1013.2 hPa."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, str) or value is None:
        return value or "–"
    sign, factor, decimals = _UNITS.get(unit or "", (unit or "", 1.0, 2))
    return f"{value * factor:.{decimals}f} {sign}".rstrip()


class Screen:
    """Draws a Watch. `taps` maps mote ids to the taps on their links."""

    def __init__(self, watch: Watch, taps: dict[str, Tap], title: str, picture: Path | None = None) -> None:
        self._watch = watch
        self._taps = taps
        self._picture = picture
        self.title = title
        self._began = time.monotonic()
        self._phase = "starting"
        self._happened: deque[Text] = deque(maxlen=40)
        self._console = Console()
        self._live = Live(
            console=self._console, auto_refresh=False, transient=False, redirect_stdout=False, redirect_stderr=False
        )
        self._drawn = 0.0
        self._live.start()

    def watch_links(self, taps: dict[str, Tap], title: str) -> None:
        """Show the links that these taps are on, and a new title."""
        self._taps = taps
        self.title = title

    def phase(self, text: str) -> None:
        """Show what the demo is doing now."""
        if text != self._phase:
            self._phase = text
            self._draw()

    def note(self, text: str) -> None:
        """Something for people, above the live part."""
        self._live.console.print(Text(text))

    def sent(self, mote: str, name: str, value: float) -> None:
        """Show that a command was sent."""
        self._happen("→", "blue", mote, f"command sent: {name} to {value:g} %")

    def attacked(self, mote: str, attack: str, result: str) -> None:
        """Show what was tried with what `mote` had said, and what the broker did."""
        self._happen("☠", "magenta", mote, f"{attack}: {result}")

    def event(self, event: Event) -> None:
        """Show what happened, after the watch has counted it."""
        if isinstance(event, MessageRefused):
            style = "bold red" if event.alert else "red"
            self._happen("✗", style, event.mote or "?", f"refused in zone {event.zone}: {event.why}")
        elif isinstance(event, CommandEnded):
            self._ended(event)
        elif isinstance(event, StateSeen):
            if event.state.online:
                words = f"online, boot {event.state.boot}, session {event.state.connection}, {event.state.channel}"
                words += "" if event.confirmed else ", not yet confirmed"
                self._happen("●", "green", event.mote, words)
            else:
                self._happen("○", "yellow", event.mote, "gone, says its will")
        elif isinstance(event, MoteConfirmed):
            self._happen("✓", "green", event.mote, f"confirmed: it answered a challenge in boot {event.boot}")
        elif isinstance(event, RecordSeen) and self._watch.motes[event.mote].records == 1:
            startup = self._watch.motes[event.mote].startup_s
            after = f", {startup:.1f} s after power on" if startup is not None else ""
            self._happen("✓", "green", event.mote, f"first record verified{after}")

    def refresh(self) -> None:
        """Draw again, not more often than eyes can follow."""
        if time.monotonic() - self._drawn > 1 / _FRAMES_S:
            self._draw()

    def finish(self, lost: dict[str, int]) -> None:
        """Draw the last frame and, if asked for, the picture."""
        watch = self._watch
        self._phase = f"ended: {watch.readings} readings verified, {watch.refused} refused, {sum(lost.values())} lost"
        self._draw()
        self._live.stop()
        if not self._console.is_terminal:
            self._console.print()  # rich leaves the last line of a file open
        if self._picture is not None:
            self._draw_picture(self._picture)

    def close(self) -> None:
        """Give the terminal back; does nothing after `finish`."""
        self._live.stop()

    def _draw_picture(self, path: Path) -> None:
        nowhere = io.StringIO()
        console = Console(record=True, width=_PICTURE_WIDTH, file=nowhere, force_terminal=True, height=_PICTURE_HEIGHT)
        console.print(self._frame(_PICTURE_WIDTH, _PICTURE_HEIGHT, _PICTURE_EVENTS))
        # A picture of a security tool fetches nothing: the viewer's own monospace font does.
        svg = re.sub(r"@font-face \{.*?\}\s*", "", console.export_svg(title="ironmote demo"), flags=re.DOTALL)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(svg, encoding="utf-8")
        except OSError as error:
            raise IronmoteError(f"{path} cannot be written: {error.strerror}") from error

    def _ended(self, event: CommandEnded) -> None:
        mark, style = _RESULT.get(event.result, ("?", "red"))
        words = f"{event.name} {event.result}"
        if event.result == "done":
            words = f"{event.name} is at {with_unit(event.value, '%')}, answered in {event.ms:.0f} ms"
        elif event.why:
            words += f": {event.why}"
        self._happen(mark, style, event.mote, words)

    def _happen(self, mark: str, style: str, mote: str, words: str) -> None:
        line = Text.assemble((time.strftime("%H:%M:%S "), "dim"), (f"{mark} ", style), (f"{mote} ", "bold"), words)
        self._happened.append(line)

    def _draw(self) -> None:
        self._drawn = time.monotonic()
        size = self._console.size
        self._live.update(self._frame(size.width, size.height, 6 if size.height >= 44 else 4), refresh=True)

    def _frame(self, width: int, height: int, events: int) -> RenderableType:
        if not self._watch.motes:
            return self._header()
        parts: list[RenderableType] = [self._header(), self._table(width < _NARROW)]
        tall = 2 + sum(1 + max(3, len(mote.series)) for mote in self._watch.motes.values())
        room = height - tall - events - 6
        panel = wire_panel(list(self._watch.motes.values()), self._taps, width, max(2, min(7, room - 5)))
        if panel is not None:
            parts.append(panel)
        happened = Group(*list(self._happened)[-events:]) if self._happened else Text("nothing yet", style="dim")
        parts.append(Panel(happened, title="what happened", title_align="left", border_style="dim", box=box.ROUNDED))
        return Group(*parts)

    def _header(self) -> Text:
        elapsed = int(time.monotonic() - self._began)
        return Text.assemble(
            ("ironmote ", "bold"),
            (f"{self.title} ", "dim"),
            (f"{elapsed // 60}:{elapsed % 60:02d}  ", "dim"),
            (self._phase, "italic"),
        )

    def _table(self, narrow: bool) -> Table:
        table = Table(box=box.ROUNDED, border_style="dim", header_style="bold", expand=True, show_lines=True)
        table.add_column("mote", no_wrap=True)
        table.add_column("channel" if narrow else "channel, and why", ratio=None if narrow else 2)
        table.add_column("readings", ratio=3)
        table.add_column("messages", justify="right", no_wrap=True)
        table.add_column("refused", justify="right", no_wrap=True)
        compact = len(self._watch.motes) >= _COMPACT_FROM
        for mote in self._watch.motes.values():
            dot = ("● ", "green") if mote.online else ("○ ", "yellow")
            name = Text.assemble(dot, (mote.id, "bold"), "\n  ", (mote.board, "dim"))
            channel = Text(mote.channel or "…", style=_CHANNEL_STYLE.get(mote.channel, "bold yellow"))
            if not compact and not narrow:
                channel.append(f"\n{mote.why}", style="dim not bold")
            refused = Text(str(mote.refused), style="bold red" if mote.refused else "dim")
            table.add_row(
                name,
                channel,
                self._readings(mote, compact, _SPARK_NARROW if narrow else _SPARK),
                str(mote.messages),
                refused,
            )
        return table

    def _readings(self, mote: MoteWatch, compact: bool, width: int) -> RenderableType:
        if not mote.series:
            return Text("waiting for the first record", style="dim italic")
        grid = Table.grid(padding=(0, 1))
        cells: list[Text] = []
        for name, each in mote.series.items():
            value = Text(with_unit(each.latest, each.unit), style="bold")
            cells += [value, _spark(each, _SPARK_NARROW)] if compact else [Text(name), value, _spark(each, width)]
        # One reading a line with its name, or two without.
        columns = 4 if compact else 3
        for column in range(columns):
            name_column = not compact and column == 0
            value_column = column % 2 == 0 if compact else column == 1
            grid.add_column(
                style="dim" if name_column else "", no_wrap=True, justify="right" if value_column else "left"
            )
        for start in range(0, len(cells), columns):
            grid.add_row(*cells[start : start + columns])
        return grid


def _spark(series: Series, width: int) -> Text:
    return Text(sparkline(list(series.values), width), style="cyan")
