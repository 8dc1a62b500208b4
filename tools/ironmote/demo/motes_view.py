"""The motes on the screen, in three sizes: a table, a few lines a mote, or one line a mote."""

import math

from mote.channel import CHANNELS
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..gateway.state import State
from ..plain import plain
from .watch import MoteWatch, Series

_BLOCKS = "▁▂▃▄▅▆▇█"
_SPARK = 24
_SPARK_COMPACT = 8
_COMPACT_FROM = 5  # motes
_OTHERS = 36  # columns of the table that are not for readings or reasons, but for the mote's name
_SHOWN = 12  # readings of a mote in the table
_LARGE = 1e9  # from here on digits would fill the line
# How a unit is shown: its sign, a factor, decimals.
_UNITS = {
    "Cel": ("°C", 1.0, 2),
    "%RH": ("%", 1.0, 1),
    "Pa": ("hPa", 0.01, 1),
    "lx": ("lx", 1.0, 1),
    "%": ("%", 1.0, 0),
    "/": ("%", 100.0, 0),
}
_CHANNEL_STYLE = {"sealed": "bold cyan"} | dict.fromkeys(CHANNELS[:-1], "bold green")


def sparkline(values: list[float], width: int) -> str:
    """The last `width` values as blocks of a height between their lowest and their highest."""
    shown = values[-width:] if width > 0 else []
    if not shown:
        return ""
    # By halves: the span of the largest floats is no float any more.
    low, high = min(shown) / 2, max(shown) / 2
    if high == low:
        return _BLOCKS[3] * len(shown)
    return "".join(_BLOCKS[round((value / 2 - low) / (high - low) * (len(_BLOCKS) - 1))] for value in shown)


def with_unit(value: float | int | bool | str | None, unit: str | None) -> str:
    """A value as people write it: 23.71 °C, 1013.2 hPa."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, str) or value is None:
        return plain(value) if value else "–"
    sign, factor, decimals = _UNITS.get(unit or "", (plain(unit or ""), 1.0, 2))
    return f"{_number(value, factor, decimals)} {sign}".rstrip()


def _number(value: float, factor: float, decimals: int) -> str:
    try:
        scaled = float(value) * factor
    except OverflowError:
        return "beyond numbers"
    return f"{scaled:.{decimals}f}" if abs(scaled) < _LARGE or math.isnan(scaled) else f"{scaled:.4g}"


def health(state: State) -> str:
    """What a mote says of itself that a person wants to know at a glance, each part with a comma before it."""
    words = "" if state.free is None else f", {state.free // 1024} KiB free"
    words += "" if state.rssi is None else f", {state.rssi} dBm"
    words += f", missing {' '.join(state.missing)}" if state.missing else ""
    words += f", held safe {' '.join(state.held)}" if state.held else ""
    words += f", dropped {state.dropped}" if state.dropped else ""
    return words + (f", last: {state.last}" if state.last else "")


def table(motes: list[MoteWatch], width: int) -> RenderableType:
    """A row a mote, with the reason for its channel and one reading a line; with many motes two, and no reasons."""
    compact = len(motes) >= _COMPACT_FROM
    grid = Table(box=box.ROUNDED, border_style="dim", header_style="bold", expand=True, show_lines=True)
    grid.add_column("mote", no_wrap=True)
    grid.add_column("channel" if compact else "channel, and why", ratio=2)
    grid.add_column("readings", ratio=3)
    grid.add_column("messages", justify="right", no_wrap=True)
    grid.add_column("refused", justify="right", no_wrap=True)
    for mote in motes:
        channel = _channel(mote)
        if not compact:
            channel.append(f"\n{plain(mote.why)}", style="dim not bold")
        name = Text.assemble(_dot(mote), (mote.id, "bold"), "\n  ", (mote.board, "dim"))
        # About what the other columns leave; sparklines give way, values do not.
        spark = (width - _OTHERS - len(mote.id)) * 3 // 5 - _widest(mote)
        readings = _readings(mote, 2 if compact else 1, _SPARK_COMPACT if compact else spark, named=not compact)
        grid.add_row(name, channel, readings, str(mote.messages), _refused(mote))
    return grid


def blocks(motes: list[MoteWatch], width: int) -> RenderableType:
    """A few lines a mote: who it is, why it is on its channel, and its readings side by side."""
    columns = max(1, width // 40) if width >= 80 else 2
    parts: list[RenderableType] = []
    for mote in motes:
        head = Text.assemble(
            _dot(mote), (mote.id, "bold"), " ", (mote.board, "dim"), "  ", _channel(mote),
            f"  {mote.messages} messages, ", _refused(mote), " refused", no_wrap=True, overflow="ellipsis",
        )  # fmt: skip
        parts += [head, Text(f"  {plain(mote.why)}", style="dim", no_wrap=True, overflow="ellipsis")]
        spark = (width - 2) // columns - _widest(mote) - 1
        indented = Table.grid(padding=(0, 0, 0, 2))
        indented.add_column(no_wrap=True)
        indented.add_row(_readings(mote, columns, spark, named=True))
        parts.append(indented)
    return Group(*parts)


def lines(motes: list[MoteWatch], rows: int) -> RenderableType:
    """One line a mote: its channel and its values; at most `rows` lines, the last of which counts the others."""
    names = max(len(mote.id) for mote in motes)
    channels = max(len(_channel(mote)) for mote in motes)
    shown = motes if len(motes) <= rows else motes[: max(0, rows - 1)]
    parts = []
    for mote in shown:
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append_text(_dot(mote)).append(mote.id.ljust(names), style="bold").append(" ")
        line.append_text(_channel(mote)).append(" " * (channels - len(_channel(mote))))
        for each in list(mote.series.values())[:_SHOWN]:
            line.append(f" {with_unit(each.latest, each.unit)}", style="bold")
        if mote.refused:
            line.append_text(_refused(mote)).append(" refused")
        parts.append(line)
    if len(shown) < len(motes) and rows > 0:
        parts.append(Text(f"… and {len(motes) - len(shown)} motes more", style="dim"))
    return Group(*parts)


def _widest(mote: MoteWatch) -> int:
    """Columns that names and values of a mote's readings take, beside each other."""
    names = max((len(name) for name in mote.series), default=0)
    values = max((len(with_unit(each.latest, each.unit)) for each in mote.series.values()), default=0)
    return names + values + 2


def _dot(mote: MoteWatch) -> Text:
    return Text("● ", style="green") if mote.online else Text("○ ", style="yellow")


def _channel(mote: MoteWatch) -> Text:
    return Text(plain(mote.channel) or "…", style=_CHANNEL_STYLE.get(mote.channel, "bold yellow"))


def _refused(mote: MoteWatch) -> Text:
    return Text(str(mote.refused), style="bold red" if mote.refused else "dim")


def _readings(mote: MoteWatch, side_by_side: int, spark: int, *, named: bool) -> RenderableType:
    """A grid of name, value and sparkline, `side_by_side` readings a line."""
    if not mote.series:
        return Text("waiting for the first record", style="dim italic")
    grid = Table.grid(padding=(0, 1))
    for _ in range(side_by_side):
        if named:
            grid.add_column(style="dim", no_wrap=True)
        grid.add_column(style="bold", no_wrap=True, justify="right")
        grid.add_column(style="cyan", no_wrap=True)
    cells = [_cells(name, each, spark, named) for name, each in list(mote.series.items())[:_SHOWN]]
    for start in range(0, len(cells), side_by_side):
        grid.add_row(*(cell for each in cells[start : start + side_by_side] for cell in each))
    hidden = len(mote.series) - len(cells)
    return Group(grid, Text(f"… and {hidden} readings more", style="dim")) if hidden else grid


def _cells(name: str, series: Series, spark: int, named: bool) -> list[Text]:
    drawn = sparkline(list(series.values), min(spark, _SPARK))
    cells = [Text(with_unit(series.latest, series.unit)), Text(drawn)]
    return [Text(plain(name)), *cells] if named else cells
