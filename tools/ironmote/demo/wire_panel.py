"""The wire: for each kind of link, the last record as a passive eavesdropper captured it, with what it tells them."""

from rich import box
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from .tap import Captured, Tap
from .watch import MoteWatch
from .wire import Direction, Kind, Packet

_LEGIBLE = "yellow"
_HIDDEN = "bright_black"
_SIDE_BY_SIDE_FROM = 100  # columns
_RECENT = 24
_MOST_ROWS = 7  # of the dump
_FEW_ROWS = 2
_AROUND = 4  # lines of a panel beside caption and dump: its border, its legend, what is left


def wire_panel(
    motes: list[MoteWatch], taps: dict[str, Tap], width: int, height: int, turn: int
) -> RenderableType | None:
    """One panel a kind of channel, on at most `height` lines; None before any record, or where there is no room.

    Beside each other where the terminal is wide enough, else below each other. Where not all fit they take turns:
    `turn` says whose it is.
    """
    shown: dict[str, tuple[MoteWatch, Packet]] = {}
    for mote in motes:
        if mote.id in taps and mote.channel not in shown:
            packet = record_on_wire(taps[mote.id].captured())
            if packet is not None:
                shown[mote.channel] = (mote, packet)
    if not shown:
        return None
    several = list(shown.values())
    if width >= _SIDE_BY_SIDE_FROM and len(several) > 1:
        inner = width // len(several) - 4
        # Beside each other they get one height, that of the longest caption.
        lines = max(_lines(packet.caption, inner) for _, packet in several)
        if (rows := _hex_rows(height, lines)) >= _FEW_ROWS:
            grid = Table.grid(expand=True)
            for _ in several:
                grid.add_column(ratio=1)
            grid.add_row(*(_panel(mote, packet, inner, rows, lines) for mote, packet in several))
            return grid
    inner = width - 4
    captions = [_lines(packet.caption, inner) for _, packet in several]
    each = [_hex_rows(height // len(several), lines) for lines in captions]
    if min(each) >= _FEW_ROWS:
        return Group(*(_panel(mote, packet, inner, min(each), 0) for mote, packet in several))
    which = turn % len(several)
    rows = _hex_rows(height, captions[which])
    return _panel(*several[which], inner, rows, 0) if rows > 0 else None


def record_on_wire(captured: list[Captured]) -> Packet | None:
    """The last packet that carries a record, as far as an eavesdropper can tell; None before there is one.

    In the clear its topic says so. In TLS they guess by length: acknowledgements and pings are much shorter.
    """
    ups = [each.packet for each in captured if each.direction is Direction.UP]
    published = [packet for packet in ups if packet.kind is Kind.MQTT_PUBLISH and packet.topic.endswith("/up")]
    if published:
        return published[-1]
    data = [packet for packet in ups if packet.kind is Kind.TLS_DATA][-_RECENT:]
    longest = max((len(packet.data) for packet in data), default=0)
    return next((packet for packet in reversed(data) if len(packet.data) * 2 > longest), None)


def hexdump(packet: Packet, width: int, rows: int) -> Text:
    """The first bytes of `packet`: what anybody can read stands out, what is hidden is grey."""
    count = max(4, (width - 6) // 4 // 4 * 4)
    text = Text(no_wrap=True)
    for start in range(0, min(len(packet.data), count * rows), count):
        line = packet.data[start : start + count]
        text.append(f"{start:04x}  ", style="dim")
        for at, byte in enumerate(line, start):
            text.append(f"{byte:02x} ", style=_style(packet, at))
        text.append("   " * (count - len(line)))
        for at, byte in enumerate(line, start):
            text.append(chr(byte) if 32 <= byte < 127 else "·", style=_style(packet, at))
        text.append("\n")
    left = len(packet.data) - count * rows
    text.append(f"… and {left} bytes more" if left > 0 else " ", style="dim")
    return text


def _style(packet: Packet, at: int) -> str:
    return _LEGIBLE if at < packet.legible else _HIDDEN


def _hex_rows(height: int, caption_lines: int) -> int:
    return min(_MOST_ROWS, height - caption_lines - _AROUND)


def _lines(caption: str, inner: int) -> int:
    return len(Text(caption).wrap(Console(width=inner), inner))


def _panel(mote: MoteWatch, packet: Packet, inner: int, rows: int, lines: int) -> Panel:
    caption = Text(packet.caption + "\n" * max(0, lines - _lines(packet.caption, inner)), style="italic")
    legend = Text.assemble(("legible to anyone", _LEGIBLE), "  ", ("hidden", _HIDDEN))
    return Panel(
        Group(caption, hexdump(packet, inner, rows), legend),
        title=f"on the wire of {mote.id} ({mote.channel})",
        title_align="left",
        border_style="yellow" if mote.channel == "sealed" else "green",
        box=box.ROUNDED,
    )
