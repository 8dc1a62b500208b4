"""The screen shows what the watch counted, in the units that people use."""

import io
from pathlib import Path

from ironmote.demo.screen import Screen, sparkline, with_unit
from ironmote.demo.watch import MoteWatch, Watch
from ironmote.gateway import CommandEnded, MessageRefused, RecordSeen, StateSeen
from ironmote.gateway.state import State
from mote.record import Reading
from rich.console import Console


def test_sparkline_spans_lowest_to_highest():
    assert sparkline([1, 2, 3, 4, 5, 6, 7, 8], 8) == "▁▂▃▄▅▆▇█"
    assert sparkline([0, 0, 5, 10], 2) == "▁█"
    assert sparkline([3, 3, 3], 8) == "▄▄▄"
    assert sparkline([], 8) == ""


def test_units_are_those_of_people():
    assert with_unit(23.7, "Cel") == "23.70 °C"
    assert with_unit(26.272, "%RH") == "26.3 %"
    assert with_unit(101325, "Pa") == "1013.2 hPa"
    assert with_unit(585.2, "lx") == "585.2 lx"
    assert with_unit(True, None) == "on"
    assert with_unit(None, "lx") == "–"


def a_watch() -> Watch:
    return Watch(
        [MoteWatch("kitchen", "esp32", "tls", "ssl verifies"), MoteWatch("cellar", "esp8266", "sealed", "no TLS")]
    )


def record(mote: str, number: int, value: float) -> RecordSeen:
    readings = (Reading("temperature", "Cel", value, None), Reading("light", "lx", 585.2, None))
    return RecordSeen(mote, "sealed", 1, number, 1.0, 2.0, readings, 100)


def test_every_mote_heard_and_answered_is_success():
    watch = a_watch()
    for mote in watch.motes.values():
        watch.take(record(mote.id, 1, 20.0))
        mote.asked = 1
    assert watch.all_heard
    assert not watch.all_answered
    watch.take(CommandEnded("kitchen", "dimmer", "done", 40, None, 12.0))
    watch.take(CommandEnded("cellar", "dimmer", "unknown", None, None, 12.0))
    assert not watch.all_answered
    assert watch.readings == 4


def test_record_after_a_will_clears_it():
    watch = a_watch()
    watch.take(StateSeen("cellar", State(False, 1, 1), 10))
    assert not watch.motes["cellar"].online
    watch.take(record("cellar", 1, 20.0))
    assert watch.motes["cellar"].online


def test_frame_shows_values_channels_and_refusals(tmp_path: Path):
    watch = a_watch()
    screen = Screen(watch, {}, "on NATS", tmp_path / "sub" / "picture.svg")
    screen._live.stop()
    for number, value in enumerate((20.0, 21.0, 22.0), 1):
        for mote in watch.motes:
            watch.take(record(mote, number, value))
    refusal = MessageRefused("cellar", "clear", "message [red]3[/red] was already taken", False)
    watch.take(refusal)
    screen.event(refusal)
    for width in (72, 80, 120, 200):
        console = Console(width=width, file=io.StringIO(), force_terminal=False)
        console.print(screen._frame(width, 40, 6))
        shown = console.file.getvalue()
        for words in ("kitchen", "cellar", "tls", "sealed", "22.00 °C", "585.2 lx"):
            assert words in shown, (width, words)
    assert "message [red]3[/red] was already taken" in shown, "what comes from outside is no markup"
    screen.finish({"kitchen": 0, "cellar": 0})
    assert "<svg" in (tmp_path / "sub" / "picture.svg").read_text()
