"""What `ironmote listen` shows: a line a record, a line for all else, and nothing of it moves the cursor."""

import io

from ironmote import live_table
from ironmote.gateway import CommandEnded, MessageRefused, MoteRevoked, RecordSeen, RootKept, StateSeen
from ironmote.gateway.event_lines import EventLines, Told
from ironmote.gateway.state import State
from ironmote.line_words import LineWords
from ironmote.live_table import LiveTable
from mote.record import Reading
from rich.console import Console

EVIL = "\x1b]0;owned\x07\x1b[2J\u202e"


def lines_of(*events) -> list[dict]:
    rules = {"relay": {"kind": "thermostat", "sensor": "air"}}
    lines = EventLines(lambda mote: Told("esp32", "sealed", "why", rules), lambda mote, name: 20.5)
    return [line for event in events for line in lines.of(event)]


def record(number: int, *readings, mote: str = "cellar") -> RecordSeen:
    return RecordSeen(mote, "sealed", 1, number, 1.0, 2.0, tuple(Reading(*each, None) for each in readings))


def shown(*events) -> list[str]:
    words = LineWords(12)
    found = [text.plain for line in lines_of(*events) for text in words.of(line)]
    return [each[10:] for each in [*found, *(text.plain for text in words.rest())]]


def test_record_is_one_line_and_so_is_all_else():
    said = shown(
        record(1, ("air", "Cel", 20.5), ("damp", "%RH", 44.31)),
        record(2, ("air", "Cel", 21), ("relay", None, True)),
        StateSeen("cellar", State(True, 3, 1, channel="sealed", free=33_000, rssi=-57)),
        StateSeen("cellar", State(False, 3, 1)),
        CommandEnded("cellar", "relay", "refused", 1, "too soon", 48.0),
        CommandEnded("cellar", "relay", "unknown", None, None, 48.0),
        MessageRefused(None, "clear", "from a mote that is not in the fleet", False, 3),
        RootKept("cellar", 2, "no room"),
        MoteRevoked("cellar"),
    )
    assert said == [
        "cellar        air 20.50 °C  damp 44.3 %",
        "cellar        air 21.00 °C  relay on",
        "cellar        relay is on, by its thermostat: air 20.50",
        "cellar        ● online, boot 3, sealed, 32 KiB free, -57 dBm",
        "cellar        ○ gone, says its will",
        "cellar        ✗ relay: refused 1, too soon",
        "cellar        ? relay: unknown",
        "?             ✗ refused in zone clear: from a mote that is not in the fleet (3 times)",
        "cellar        ✗ keeps its root key: no room",
        "cellar        ✗ revoked: nothing of it is believed",
    ]


def test_nothing_that_a_mote_says_moves_the_cursor():
    said = shown(
        record(1, (EVIL, EVIL, EVIL)),
        MessageRefused(EVIL, EVIL, EVIL, True),
        CommandEnded(EVIL, EVIL, "done", EVIL, EVIL, 1.0),
        StateSeen("cellar", State(True, 1, 1, last=EVIL, missing=(EVIL,))),
    )
    assert len(said) == 4
    assert all(each.isprintable() for each in said), said


def test_table_begins_with_what_is_known_and_counts_on(monkeypatch):
    monkeypatch.setattr(live_table, "Console", lambda: Console(width=120, height=40, file=io.StringIO()))
    latest = {"air": {"value": 19.0, "unit": "Cel", "time": 1.0}}
    known = {"id": "cellar", "board": "esp8266", "channel": "sealed", "why": "small", "online": False, "refused": 2}
    with LiveTable([known | {"latest": latest}]) as table:
        for line in lines_of(
            record(1, ("air", "Cel", 20.5), ("damp", "%RH", 44.31)),
            MessageRefused("cellar", "clear", "no", False, 3),
            record(1, ("air", "Cel", 1.0), mote="stranger"),
        ):
            table.take(line)
        cellar = table._motes["cellar"]
        assert (cellar.online, cellar.messages, cellar.refused) == (True, 1, 5)
        assert list(cellar.series["air"].values) == [19.0, 20.5]
        table.take(lines_of(StateSeen("cellar", State(False, 1, 1)))[1])
        assert not cellar.online
    assert "cellar" in table._console.file.getvalue()
