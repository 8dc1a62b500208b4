"""The demo for people: a live table of the motes, what an eavesdropper sees of each link, and what happened."""

import io
import re
import sys
import time
from collections import deque
from pathlib import Path

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from ..errors import IronmoteError
from ..gateway import CommandEnded, Event, MessageRefused, MoteConfirmed, RecordSeen, RecordsMayBeMissing, StateSeen
from ..gateway.event_lines import Switch
from ..plain import plain
from . import motes_view
from .tap import Tap
from .watch import MoteWatch, Watch
from .wire_panel import wire_panel

_TABLE_FROM = 90  # columns; below it each mote has lines of its own
_FRAMES_S = 8
_PICTURE_WIDTH = 124
_PICTURE_HEIGHT = 200
# How many of the last events are shown on a terminal of fewer lines than the first number.
_EVENTS = ((28, 2), (40, 3), (44, 4), (100, 6), (100_000, 8))
_BOXED_FROM = 70  # columns; below it events have no box around them
_WIRE_ROWS = 8  # lines that what is on the wire needs to say something
_TURN_S = 4.0  # how long each link is shown where they have to take turns
_RESULT = {"done": ("✓", "green"), "refused": ("✗", "red"), "expired": ("⌛", "yellow")}
NO_TERMINAL = "no terminal: the table comes once, at the end (Ctrl-C); --json has a line an event"


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
            console=self._console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
        )
        self._drawn = 0.0
        self._live.start()

    def watch_links(self, taps: dict[str, Tap], title: str) -> None:
        """Show the links that these taps are on, and a new title."""
        self._taps = taps
        self.title = title
        if not self._console.is_terminal:
            print(NO_TERMINAL, file=sys.stderr)

    def phase(self, text: str) -> None:
        """Show what the demo is doing now."""
        if text != self._phase:
            self._phase = text
            self._draw()

    def note(self, text: str) -> None:
        """Something for people, above the live part."""
        self._live.console.print(Text(plain(text)))

    def dashboard(self, link: str) -> None:
        """Show where the dashboard is, above the live part, where it can be clicked or copied."""
        words = Text.assemble("dashboard: ", (link, f"bold cyan link {link}"))
        self._live.console.print(words, soft_wrap=True)

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
                words += motes_view.health(event.state)
                self._happen("●", "green", event.mote, words)
            else:
                self._happen("○", "yellow", event.mote, "gone, says its will")
        elif isinstance(event, RecordsMayBeMissing):
            words = f"records may be missing after number {event.after} of boot {event.boot}"
            self._happen("?", "yellow", event.mote, words)
        elif isinstance(event, MoteConfirmed):
            self._happen("✓", "green", event.mote, f"confirmed: it answered a challenge in boot {event.boot}")
        elif isinstance(event, RecordSeen):
            if self._watch.motes[event.mote].records == 1:
                startup = self._watch.motes[event.mote].startup_s
                after = f", {startup:.1f} s after power on" if startup is not None else ""
                self._happen("✓", "green", event.mote, f"first record verified{after}")
            for switch in self._watch.switches(event):
                self._switched(event.mote, switch)

    def refresh(self) -> None:
        """Draw again, not more often than eyes can follow."""
        if time.monotonic() - self._drawn > 1 / _FRAMES_S:
            self._draw()

    def finish(self, lost: dict[str, int]) -> None:
        """Draw the last frame and, if asked for, the picture."""
        watch = self._watch
        self._phase = f"ended: {watch.readings} readings verified, {watch.refused} refused, {sum(lost.values())} lost"
        self._live.stop()  # and what it drew is wiped off: the last frame stands alone
        size = self._console.size
        terminal = self._console.is_terminal
        self._console.print(self._frame(size.width, size.height - 1 if terminal else _PICTURE_HEIGHT))
        if self._picture is not None:
            self._draw_picture(self._picture)

    def close(self) -> None:
        """Give the terminal back; does nothing after `finish`."""
        self._live.stop()

    def _draw_picture(self, path: Path) -> None:
        nowhere = io.StringIO()
        console = Console(record=True, width=_PICTURE_WIDTH, file=nowhere, force_terminal=True, height=_PICTURE_HEIGHT)
        console.print(self._frame(_PICTURE_WIDTH, _PICTURE_HEIGHT))
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
            words = f"{event.name} is at {motes_view.with_unit(event.value, '%')}, answered in {event.ms:.0f} ms"
        elif event.why:
            words += f": {event.why}"
        self._happen(mark, style, event.mote, words)

    def _switched(self, mote: str, switch: Switch) -> None:
        words = f"{switch.name} is {motes_view.with_unit(switch.value, switch.unit)}, by its {switch.rule}"
        series = self._watch.motes[mote].series.get(switch.sensor or "")
        if series is not None:
            words += f": {switch.sensor} {motes_view.with_unit(switch.felt, series.unit)}"
        self._happen("⇄", "magenta", mote, words)

    def _happen(self, mark: str, style: str, mote: str, words: str) -> None:
        line = Text.assemble(
            (time.strftime("%H:%M:%S "), "dim"), (f"{mark} ", style), (f"{plain(mote)} ", "bold"), plain(words),
            no_wrap=True, overflow="ellipsis",
        )  # fmt: skip
        self._happened.append(line)

    def _draw(self) -> None:
        self._drawn = time.monotonic()
        size = self._console.size
        self._live.update(self._frame(size.width, size.height - 1), refresh=True)

    def _frame(self, width: int, height: int) -> RenderableType:
        """Everything, on at most `height` lines: the motes, what an eavesdropper sees of them, what happened."""
        head = self._header()
        motes = list(self._watch.motes.values())
        if not motes:
            return head
        happened = self._events(next(count for below, count in _EVENTS if height < below), width >= _BOXED_FROM)
        room = height - 1 - rows_of(happened, width)
        shown = self._motes(motes, width, room)
        wire = wire_panel(motes, self._taps, width, room - rows_of(shown, width), int(time.monotonic() / _TURN_S))
        return Group(*(part for part in (head, shown, wire, happened) if part is not None))

    def _motes(self, motes: list[MoteWatch], width: int, room: int) -> RenderableType:
        """The largest form of the motes that leaves room for what is on the wire."""
        if width >= _TABLE_FROM:
            table = motes_view.table(motes, width)
            if rows_of(table, width) + _WIRE_ROWS <= room:
                return table
        blocks = motes_view.blocks(motes, width)
        if rows_of(blocks, width) + _WIRE_ROWS <= room:
            return blocks
        return motes_view.lines(motes, max(1, room))

    def _events(self, count: int, boxed: bool) -> RenderableType:
        happened = list(self._happened)[-count:] or [Text("nothing yet", style="dim")]
        if not boxed:
            return Group(*happened)
        return Panel(Group(*happened), title="what happened", title_align="left", border_style="dim", box=box.ROUNDED)

    def _header(self) -> Text:
        elapsed = int(time.monotonic() - self._began)
        return Text.assemble(
            ("ironmote ", "bold"),
            (f"{self.title} ", "dim"),
            (f"{elapsed // 60}:{elapsed % 60:02d}  ", "dim"),
            (self._phase, "italic"),
            no_wrap=True,
            overflow="ellipsis",
        )


def rows_of(part: RenderableType, width: int) -> int:
    """How many lines `part` takes on a terminal of `width` columns."""
    return len(Console(width=width, file=io.StringIO()).render_lines(part, pad=False))
