"""The screen shows what the watch counted, in the units that people use."""

import io
import json
import math
from pathlib import Path

import pytest
from ironmote.demo import watch as watching
from ironmote.demo.lines import JsonLines
from ironmote.demo.motes_view import sparkline, with_unit
from ironmote.demo.screen import Screen, rows_of
from ironmote.demo.tap import Captured, Tap
from ironmote.demo.watch import MoteWatch, Watch
from ironmote.demo.wire import Direction, Kind, Packet
from ironmote.gateway import CommandEnded, MessageRefused, RecordSeen, StateSeen
from ironmote.gateway.state import State
from mote.record import Reading
from rich.console import Console


def test_sparkline_spans_lowest_to_highest():
    assert sparkline([1, 2, 3, 4, 5, 6, 7, 8], 8) == "▁▂▃▄▅▆▇█"
    assert sparkline([0, 0, 5, 10], 2) == "▁█"
    assert sparkline([3, 3, 3], 8) == "▄▄▄"
    assert sparkline([], 8) == ""


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([0.0, 5e-324], None),
        ([-1.7e308, 0.0, 1.7e308], "▁▅█"),
        ([1e308, 1e308], "▄▄"),
        ([0.1, math.nextafter(0.1, 1)], "▁█"),
    ],
)
def test_sparkline_bears_any_numbers(values: list[float], shown: str | None):
    drawn = sparkline(values, 8)
    assert drawn == (shown or drawn)
    assert len(drawn) == len(values)


def test_numbers_that_no_line_holds_are_short():
    assert with_unit(1e300, "Pa") == "1e+298 hPa"
    assert len(with_unit(10**400, "lx")) < 20
    assert len(with_unit(-1.7976931348623157e308, None)) < 20


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
    return RecordSeen(mote, "sealed", 1, number, 1.0, 2.0, readings)


def test_every_mote_heard_and_answered_is_success():
    watch = a_watch()
    for mote in watch.motes.values():
        watch.take(record(mote.id, 1, 20.0))
        mote.order = b""
    assert watch.all_heard
    assert not watch.all_answered
    watch.take(CommandEnded("kitchen", "dimmer", "done", 40, None, 12.0))
    watch.take(CommandEnded("cellar", "dimmer", "unknown", None, None, 12.0))
    assert not watch.all_answered
    assert watch.readings == 4


def test_switch_of_a_rule_is_shown_with_what_its_sensor_felt_and_is_no_row_of_a_recording():
    watch = a_watch()
    cellar = watch.motes["cellar"]
    cellar.actuators = frozenset(("relay", "dimmer"))
    cellar.rules = {"relay": {"kind": "thermostat", "actuator": "relay", "sensor": "temperature"}}
    switched = RecordSeen(
        "cellar", "sealed", 1, 2, 1.0, 2.0, (Reading("relay", None, True, None), Reading("dimmer", "/", 0.65, None))
    )
    screen, lines = Screen(watch, {}, "on NATS"), JsonLines(watch, io.StringIO())
    screen._live.stop()
    for event in (record("cellar", 1, 20.5), switched):
        watch.take(event)
        screen.event(event)
        lines.event(event)
    assert (cellar.records, cellar.samples) == (2, 1)
    assert "relay is on, by its thermostat: temperature 20.50 °C" in screen._happened[-1].plain
    assert with_unit(0.65, "/") == "65 %"
    (line,) = [line for line in map(json.loads, lines._out.getvalue().splitlines()) if line["event"] == "switch"]
    assert line == {
        "event": "switch", "mote": "cellar", "name": "relay", "value": True, "unit": None, "rule": "thermostat",
        "sensor": "temperature", "felt": 20.5,
    }  # fmt: skip


def test_record_after_a_will_clears_it():
    watch = a_watch()
    watch.take(StateSeen("cellar", State(False, 1, 1)))
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
        console.print(screen._frame(width, 40))
        shown = console.file.getvalue()
        for words in ("kitchen", "cellar", "tls", "sealed", "22.00 °C", "585.2 lx"):
            assert words in shown, (width, words)
    assert "message [red]3[/red] was already taken" in shown, "what comes from outside is no markup"
    screen.finish({"kitchen": 0, "cellar": 0})
    assert "<svg" in (tmp_path / "sub" / "picture.svg").read_text()


WHY = "the firmware's TLS verifies a broker's certificate, and the board has room for a session beside its sensors"


class Line:
    """A tap that has captured one packet."""

    def __init__(self, packet: Packet):
        self.packet = packet

    def captured(self) -> list[Captured]:
        return [Captured(0.0, Direction.UP, self.packet)]


def a_demo(motes: int = 2) -> tuple[Screen, Watch]:
    """A screen as it is after a few seconds of the demo, each mote with four readings and its command answered."""
    names = ["kitchen", "cellar", *(f"mote-{number}" for number in range(3, motes + 1))][:motes]
    channels = ["tls", "sealed"] * motes
    watch = Watch([MoteWatch(name, "esp32", channel, WHY) for name, channel in zip(names, channels, strict=False)])
    caption = "MQTT PUBLISH in the clear, topic sealed/cellar/up, 128 bytes, COSE_Encrypt0 (boot 1, number 7): " * 2
    tls = Packet(Kind.TLS_DATA, "TLS 1.2 application data, 140 bytes", bytes(145), 13)
    sealed = Packet(Kind.MQTT_PUBLISH, caption[:124], bytes(200), 60, "sealed/cellar/up")
    taps: dict[str, Tap] = {name: Line(tls if index % 2 == 0 else sealed) for index, name in enumerate(names)}  # type: ignore[misc]
    screen = Screen(watch, taps, "on NATS 2.15.1")
    screen._live.stop()
    for number in range(40):
        for name in names:
            readings = tuple(
                Reading(what, unit, value + number, None)
                for what, unit, value in (
                    ("temperature", "Cel", 20.0), ("humidity", "%RH", 40.0), ("pressure", "Pa", 101325.0),
                    ("light", "lx", 585.2),
                )
            )  # fmt: skip
            event = RecordSeen(name, "tls", 1, number + 1, 1.0, 2.0, readings)
            watch.take(event)
            screen.event(event)
    for name in names:
        screen.sent(name, "dimmer", 40)
    for name in names:
        screen.event(CommandEnded(name, "dimmer", "done", 40, None, 148.0))
    return screen, watch


def drawn(screen: Screen, width: int, height: int) -> list[str]:
    console = Console(width=width, height=height, file=io.StringIO(), force_terminal=False)
    console.print(screen._frame(width, height))
    return console.file.getvalue().rstrip("\n").split("\n")


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (60, 18), (124, 50), (200, 20), (40, 10)])
@pytest.mark.parametrize("motes", [1, 2, 3, 12, 64])
def test_frame_fits_the_terminal_and_shows_what_it_is_about(size: tuple[int, int], motes: int):
    width, height = size
    screen, _ = a_demo(motes)
    shown = drawn(screen, width, height)
    assert len(shown) <= height
    assert max(map(len, shown)) <= width
    text = "\n".join(shown)
    assert width < 60 or "answered in" in text
    if motes <= 2:
        for words in ("kitchen", "tls", "59.00 °C", "79.0 %", "1013.6 hPa", "624.2 lx"):
            assert width < 60 or words in text, words
        assert width < 60 or "on the wire of" in text
        assert width < 80 or height < 24 or "the firmware's" in text


def test_links_that_do_not_fit_take_turns(monkeypatch):
    screen, _ = a_demo()
    seen = set()
    for moment in (0.0, 4.0, 8.0):
        monkeypatch.setattr("ironmote.demo.screen.time.monotonic", lambda now=moment: now)
        text = "\n".join(drawn(screen, 80, 24))
        seen |= {name for name in ("kitchen", "cellar") if f"on the wire of {name}" in text}
    assert seen == {"kitchen", "cellar"}


def test_what_motes_say_reaches_no_terminal_as_a_control(capfd):
    evil = "\x1b]0;owned\x07\x1b[2J\u202e\u2028\n\x9b31m"
    screen, watch = a_demo()
    watch.motes["cellar"].why = evil
    event = RecordSeen(
        "cellar",
        "tls",
        1,
        99,
        1.0,
        2.0,
        (Reading("light" + evil, evil, 1.0, None), Reading("text", None, evil, None)),
    )
    watch.take(event)
    for each in (
        event,
        MessageRefused("cellar", "clear", evil, True),
        CommandEnded("cellar", evil, "refused", 1, evil, 2),
    ):
        screen.event(each)
    for width, height in ((80, 24), (120, 60)):
        text = "\n".join(drawn(screen, width, height))
        assert not set(evil) & {c for c in text if not c.isprintable() and c != "\n"}
    screen.note(f"cellar| {evil}")
    assert "\x1b" not in capfd.readouterr().out
    lines = JsonLines(watch)
    lines.event(MessageRefused("cellar", "clear", evil, True))
    lines.note(evil)
    out, errors = capfd.readouterr()
    assert len(out.splitlines()) == 1, "one event is one line, for readers that split at U+2028 too"
    assert json.loads(out)["why"] == evil
    assert errors.rstrip("\n").isprintable()


def test_readings_of_ever_new_names_are_not_kept_without_end():
    watch = a_watch()
    for number in range(500):
        watch.take(RecordSeen("cellar", "sealed", 1, number + 1, 1.0, 2.0, (Reading(f"n{number}", "lx", 1.0, None),)))
    assert len(watch.motes["cellar"].series) == watching.SERIES
    assert watch.motes["cellar"].readings == 500
    screen = Screen(watch, {}, "")
    screen._live.stop()
    assert rows_of(screen._frame(80, 24), 80) <= 24
