"""What happens to a fleet, and which alerts there are then: one for each cause, over when its cause is."""

from dataclasses import replace
from pathlib import Path

import fleets
import pytest
from ironmote.alerts import kinds
from ironmote.alerts.book import MOST_OPEN, MOST_WHATS, Book
from ironmote.alerts.expected import Expected, OfMote
from ironmote.alerts.redelivery import Redelivery
from ironmote.alerts.watch import Watch
from ironmote.alerts.zones import Zones
from ironmote.certificates import RENEW_DAYS
from ironmote.gateway import (
    MessageRefused,
    MoteConfirmed,
    MoteRevoked,
    RecordSeen,
    RecordsMayBeMissing,
    RecordsSkipped,
    RootKept,
    StateSeen,
    reasons,
)
from ironmote.gateway.state import State
from mote.record import Reading

T0 = 1_800_000_000.0
DAY_S = 86_400.0


class Bench:
    """A watch over two motes that are expected to speak every ten seconds; `now` is moved by hand."""

    def __init__(self, **expected) -> None:
        self.now = T0
        self.book = Book()
        self.stored: dict[str, float] = {}
        self.expected = Expected(**({"silent_s": 60.0} | expected))
        self.had = 0  # of the numbers that did not come here, those that the store has
        self.watch = Watch(
            self.book, lambda _: self.expected, self.stored.get, lambda *_: self.had, lambda _: self.listening
        )
        self.listening = 0.0
        self.watch.members(["attic", "cellar"], self.now)

    def take(self, event) -> None:
        self.watch.take(event, self.now)

    def after(self, seconds: float) -> None:
        self.now += seconds
        self.watch.tick(self.now)

    def record(self, *readings: Reading, mote="cellar", lag=0.0, confirmed=True, boot=1, number=1) -> None:
        self.take(RecordSeen(mote, "sealed", boot, number, self.now - lag, self.now, readings, confirmed))

    def state(self, mote="cellar", confirmed=True, **fields) -> None:
        self.take(StateSeen(mote, State(**({"online": True, "boot": 1, "connection": 1} | fields)), confirmed))

    def refused(self, kind: str, mote: str | None = "cellar", times: int = 1, why: str = "no") -> None:
        self.take(MessageRefused(mote, "clear", why, False, times, kind))

    @property
    def kinds(self) -> list[str]:
        return sorted(alert.kind for alert in self.book.open)

    def over(self) -> list[str]:
        return [alert.kind for alert in self.book.changes(self.now) if alert.over is not None]


@pytest.mark.parametrize("kind", [name for name, value in vars(reasons).items() if name.isupper()])
def test_every_kind_of_refusal_is_one_alert_that_counts(kind: str):
    bench, kind = Bench(), getattr(reasons, kind)
    bench.refused(kind, times=3)
    bench.refused(kind, times=4)
    (alert,) = bench.book.open
    assert (alert.kind, alert.mote, alert.count) == (kind, "cellar", 7)


def test_attack_is_over_when_it_was_quiet_for_ten_minutes():
    bench = Bench()
    bench.refused(reasons.REPLAY)
    bench.after(599)
    assert bench.over() == []
    bench.after(2)
    assert bench.over() == ["replay"]
    assert "replay" not in bench.kinds


def test_copy_of_a_mote_is_an_alert_until_its_owner_has_seen_it():
    bench = Bench()
    bench.refused(reasons.CLONE)
    bench.after(7 * DAY_S)
    bench.book.changes(bench.now)
    (alert,) = [each for each in bench.book.open if each.kind == "clone"]
    assert bench.book.acknowledge(alert.id, bench.now) is alert
    assert "clone" not in bench.kinds
    assert alert.over == bench.now


def test_flood_is_told_when_it_begins_and_then_only_now_and_then():
    bench = Bench()
    told = 0
    for _ in range(20):  # a minute
        for number in range(1000):
            bench.refused(reasons.FORGED, why=f"forgery {number}")
        told += len(bench.book.changes(bench.now))
        bench.now += 3
    assert told <= 3
    assert bench.book.open[0].count == 20_000


def test_stranger_cannot_fill_the_book():
    book = Book()
    for number in range(MOST_OPEN + 100):
        book.seen(kinds.SILENCE, f"mote-{number}", "gone", T0)
    assert len(book.open) <= MOST_OPEN + 1
    book.seen(reasons.CLONE, "cellar", "two of them", T0)
    assert book.has(reasons.CLONE, "cellar")  # what is critical has room of its own
    for number in range(2 * MOST_WHATS):
        book.seen(kinds.SENSOR, "attic", "nothing", T0, f"sensor {number}")
    assert len(book.of(kinds.SENSOR, "attic")) <= MOST_WHATS + 1


def test_silent_mote_is_an_alert_until_it_is_heard():
    bench = Bench()
    bench.record()
    bench.after(59)
    assert bench.kinds == []
    bench.after(2)
    assert bench.kinds == ["silence"]
    bench.record()
    assert bench.kinds == []
    assert bench.over() == ["silence"]


def test_mote_that_was_never_there_is_not_silent():
    bench = Bench()
    bench.after(DAY_S)
    assert bench.kinds == []


def test_mote_that_another_gateway_hears_is_not_silent():
    bench = Bench()
    bench.record()
    for _ in range(30):
        bench.stored["cellar"] = bench.now
        bench.after(20)
    assert bench.kinds == []
    bench.after(100)
    assert bench.kinds == ["silence"]


def test_broker_that_is_away_is_one_alert_and_no_mote_of_it_is_silent():
    bench, zones = Bench(), Zones()
    bench.record()
    zones.look(bench.book, {"clear": ""}, bench.now)
    for _ in range(60):
        bench.after(30)
        zones.look(bench.book, {"clear": "connection refused"}, bench.now)
        bench.listening = zones.heard_since("clear")
    assert bench.kinds == ["broker"]
    zones.look(bench.book, {"clear": ""}, bench.now)
    bench.listening = zones.heard_since("clear")
    bench.after(30)
    assert bench.kinds == []
    bench.after(60)
    assert bench.kinds == ["silence"]  # the broker is back, and the mote is not


def test_sleeper_may_take_an_hour_to_find_that_its_broker_is_back():
    bench = Bench(silent_s=300.0, back_s=3600.0)
    bench.record()
    bench.now += 1000
    bench.listening = bench.now
    bench.after(3590)
    assert bench.kinds == []
    bench.after(20)
    assert bench.kinds == ["silence"]


@pytest.mark.parametrize(
    ("text", "silent_s", "back_s"),
    [
        ("", 60.0, 0.0),
        ("sample_ms = 600000\n", 1800.0, 0.0),
        ("sample_ms = 3600000\nhealth_s = 900\n", 2700.0, 0.0),
        ("sleep_ms = 60000\nsend_every = 10\n", 1860.0, 3600.0),
        ("board = [", None, 0.0),
    ],
)
def test_what_is_expected_of_a_mote_follows_from_its_file(tmp_path: Path, text, silent_s, back_s):
    folder = fleets.make(tmp_path / "fleet", {"cellar": "esp8266"})
    path = folder.paths.mote("cellar")
    path.write_text(text + path.read_text())
    found = OfMote(folder, "cellar", None, ())
    assert (found.silent_s, found.back_s) == (silent_s, back_s)


def test_broker_that_delivers_again_and_again_is_an_alert_and_one_that_lost_a_connection_is_not():
    book, redelivery = Book(), Redelivery()
    for hour in range(10):
        redelivery.look(book, {"cellar": 30 * hour}, T0 + 3600 * hour)
    assert book.open == []
    redelivery.look(book, {"cellar": 700}, T0 + 3600 * 9 + 30)
    assert [(alert.kind, alert.mote, alert.count) for alert in book.open] == [("replay", "cellar", 430)]


def test_recording_ends_no_silence():
    bench = Bench()
    bench.record()
    bench.after(100)
    bench.record(confirmed=False)
    assert bench.kinds == ["silence"]


def test_will_is_a_silence_after_a_minute_unless_the_mote_comes_back():
    bench = Bench(silent_s=10 * 3600.0)
    bench.record()
    bench.state(online=False)
    bench.after(30)
    bench.record()
    bench.after(600)
    assert bench.kinds == []
    bench.state(online=False)
    bench.after(61)
    assert bench.kinds == ["silence"]


def test_sealed_mote_that_speaks_and_answers_no_challenge_is_an_alert():
    bench = Bench()
    for _ in range(21):
        bench.record(confirmed=False)
        bench.after(30)
    assert bench.kinds == ["unconfirmed"]
    bench.take(MoteConfirmed("cellar", 1))
    assert bench.kinds == []


@pytest.mark.parametrize(
    ("fields", "kind", "severity"),
    [
        ({"mode": "safe", "mode_why": "four starts failed"}, "safe-mode", "critical"),
        ({"mode": "back"}, "safe-mode", "warning"),
        ({"missing": ("sht4x",)}, "sensor", "warning"),
        ({"held": ("relay: longest_s",)}, "actuator", "warning"),
        ({"alarms": ("air:high",)}, "alarm", "warning"),
        ({"low": 900, "board": "esp8266"}, "memory", "warning"),
    ],
)
def test_what_a_mote_says_of_itself_is_an_alert_until_it_says_otherwise(fields, kind, severity):
    bench = Bench()
    bench.state(**fields)
    (alert,) = bench.book.open
    assert (alert.kind, alert.severity) == (kind, severity)
    bench.state(**fields)
    assert alert.count == 1  # it is still so: that is no second time
    bench.state(low=20_000, board="esp8266")
    assert bench.kinds == []


def test_what_a_recording_says_of_a_mote_is_no_alert():
    bench = Bench()
    bench.state(confirmed=False, mode="safe")
    assert bench.kinds == []


def test_counts_of_a_mote_are_told_as_they_grow():
    bench = Bench()
    bench.state(refused=2, dropped=5)
    bench.state(refused=2, dropped=9)
    counts = {alert.kind: alert.count for alert in bench.book.open}
    assert counts == {"forged-command": 2, "lost": 9}


def test_lost_records_are_an_alert():
    bench = Bench()
    bench.take(RecordsSkipped("cellar", 1, 5, 50_000))
    bench.take(RecordsMayBeMissing("attic", 1, 5, 2))
    assert {(alert.mote, alert.severity) for alert in bench.book.open} == {("cellar", "warning"), ("attic", "info")}
    assert set(bench.kinds) == {"lost"}


@pytest.mark.parametrize(("had", "lost"), [(0, 3), (2, 1), (3, None)])
def test_numbers_that_never_came_are_lost_unless_the_store_has_them(had: int, lost: int | None):
    bench = Bench(silent_s=3600.0)
    bench.record(number=7)  # of those before, a gateway that has just begun knows nothing
    bench.record(number=11)
    bench.had = had
    bench.after(590)
    assert bench.kinds == []
    bench.after(20)
    assert [alert.count for alert in bench.book.open] == ([lost] if lost else [])


def test_refused_root_key_is_an_alert():
    bench = Bench()
    bench.take(RootKept("cellar", 2, "wrong length"))
    assert bench.kinds == ["key-kept"]


def test_mote_that_starts_again_and_again_is_an_alert():
    bench = Bench()
    for boot in range(1, 8):
        bench.state(boot=boot, reset="watchdog")
        bench.after(30)
    assert bench.kinds == ["restarts"]
    assert "watchdog" in bench.book.open[0].text


@pytest.mark.parametrize(
    ("reading", "severity"),
    [
        (Reading("battery", "%", 18, None), "warning"),
        (Reading("battery", "V", 3.2, None), "critical"),
        (Reading("battery", "V", 3.9, None), None),
        (Reading("air", "Cel", 3.2, None), None),
    ],
)
def test_low_battery_is_an_alert(reading, severity):
    bench = Bench()
    bench.record(reading)
    assert [alert.severity for alert in bench.book.open] == ([severity] if severity else [])
    bench.record(Reading(reading.name, reading.unit, 100, None))
    assert bench.kinds == []


def test_clock_that_is_ahead_is_an_alert_at_once():
    bench = Bench()
    bench.record(lag=-600)
    assert bench.kinds == ["clock"]
    bench.record(lag=1)
    assert bench.kinds == []


def test_clock_that_is_behind_is_an_alert_and_records_that_waited_are_not():
    bench = Bench(silent_s=300.0)
    for _ in range(15):
        bench.record(lag=1800)
        bench.after(61)
    assert bench.kinds == ["clock"]
    bench = Bench()
    for number in range(60):  # half an hour of records that waited, ever less late
        bench.record(lag=1800 - 30 * number)
        bench.after(50)
    assert bench.kinds == []


@pytest.mark.parametrize(
    ("days", "severity"), [(RENEW_DAYS + 9, None), (20, "warning"), (3, "critical"), (-1, "critical")]
)
def test_certificate_that_ends_is_an_alert(days, severity):
    bench = Bench(certificate_ends=T0 + days * DAY_S)
    bench.after(1)
    assert {alert.severity for alert in bench.book.open} == ({severity} if severity else set())
    bench.expected = replace(bench.expected, certificate_ends=T0 + 400 * DAY_S)
    bench.after(4000)
    assert bench.kinds == []


def test_revoked_mote_is_not_silent():
    bench = Bench()
    bench.record()
    bench.refused(reasons.CLONE)
    bench.take(MoteRevoked("cellar"))
    bench.after(DAY_S)
    assert bench.kinds == ["clone"]


def test_mote_that_left_the_fleet_leaves_no_alert_behind():
    bench = Bench()
    bench.record()
    bench.after(100)
    bench.watch.members(["attic"], bench.now)
    assert bench.kinds == []
