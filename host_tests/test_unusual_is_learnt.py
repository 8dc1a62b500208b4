"""What is unusual for a mote: found in two days that are made here, and not found where nothing is."""

import math
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ironmote.alerts.book import Book
from ironmote.alerts.desk import Desk
from ironmote.alerts.expected import Expected
from ironmote.alerts.kept import Kept
from ironmote.alerts.learnt import LearntError
from ironmote.alerts.series import Series, unpack_series
from ironmote.alerts.unusual import MOST_NAMES, Unusual
from ironmote.gateway import RecordSeen, StateSeen
from ironmote.gateway.database import open_beside, open_database
from ironmote.gateway.state import State
from mote.record import Reading

# A Monday at midnight, wherever this runs: parts of the day are the owner's.
T0 = time.mktime((2027, 1, 4, 0, 0, 0, 0, 0, -1))
HOUR_S, DAY_S = 3600.0, 86_400.0


def room(at: float, rng: random.Random) -> float:
    """A room that is heated by day: its temperature, a sample a minute."""
    hour = (at - T0) / HOUR_S % 24
    return round(19.5 + 2.5 * math.sin((hour - 9) / 24 * 2 * math.pi) + rng.gauss(0, 0.05), 2)


def two_days(fault: Callable[[float, float], float] = lambda at, value: value) -> Iterator[tuple[float, float]]:
    rng = random.Random(11)
    for minute in range(2 * 1440):
        at = T0 + 60.0 * minute
        yield at, fault(at, room(at, rng))


def found(fault: Callable[[float, float], float] = lambda at, value: value) -> list[tuple[float, dict[str, str]]]:
    series = Series()
    return [(at, odd) for at, value in two_days(fault) if (odd := series.take(value, at))]


def from_noon(change: Callable[[float], float], hours: float = 2.0) -> Callable[[float, float], float]:
    """A fault from noon of the second day."""
    begins = T0 + DAY_S + 12 * HOUR_S
    return lambda at, value: change(value) if begins <= at < begins + hours * HOUR_S else value


def test_two_ordinary_days_have_nothing_unusual():
    assert found() == []


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        (from_noon(lambda value: value + 9), "value"),
        (from_noon(lambda value: 85.0), "value"),
        (from_noon(lambda value: 0.0), "value"),
        (from_noon(lambda value: value + 4, hours=0.03), "change"),
        (from_noon(lambda value: 21.33, hours=3), "still"),
    ],
)
def test_fault_of_a_sensor_is_unusual(fault, what: str):
    noon = T0 + DAY_S + 12 * HOUR_S
    at, odd = next((at, odd) for at, odd in found(fault) if what in odd)
    assert noon <= at < noon + 3 * HOUR_S
    assert "since yesterday" in odd[what]


def test_words_say_what_is_usual_at_this_time_of_the_day():
    _, odd = found(from_noon(lambda value: 31.2))[0]
    begin, end = odd["value"].split("; since yesterday between ")
    assert begin == "31.2$unit"
    low, rest = end.split(" and ")
    high, when = rest.split(" from ")
    assert 21 < float(low) < float(high) < 23
    assert when == "12:00 to 15:00"


def test_nothing_is_said_before_a_whole_day_was_seen():
    series, rng = Series(), random.Random(5)
    for minute in range(1439):
        at = T0 + 60.0 * minute
        value = 85.0 if minute % 100 == 99 else room(at, rng)
        assert series.take(value, at) == {}


def test_what_lasts_becomes_usual():
    odd = [at for at, _ in found(lambda at, value: value + 9 * (at >= T0 + DAY_S + 12 * HOUR_S))]
    noon = T0 + DAY_S + 12 * HOUR_S
    assert odd[0] == noon
    assert odd[-1] < noon + 4 * HOUR_S


def test_series_goes_on_where_it_was_kept():
    whole, parts = Series(), Series()
    for number, (at, value) in enumerate(two_days(from_noon(lambda value: value + 9))):
        if number % 97 == 0:
            parts = unpack_series(parts.pack())
            parts.odd_since = whole.odd_since
            whole.fresh = 0
        assert set(whole.take(value, at)) == set(parts.take(value, at)), at - T0


@pytest.mark.parametrize("cut", [0, 1, 40, 100, 1000])
def test_damaged_bytes_are_no_series(cut: int):
    series = Series()
    for at, value in two_days():
        series.take(value, at)
    data = series.pack()
    with pytest.raises(LearntError):
        unpack_series(data[:cut])
    with pytest.raises(LearntError):
        unpack_series(bytes((data[0] ^ 0xFF,)) + data[1:])
    spoilt = bytearray(data)
    spoilt[50:60] = b"\xff" * 10
    with pytest.raises(LearntError):
        unpack_series(bytes(spoilt))


class Bench:
    """What is learnt of one mote, with a store; `now` goes with the records."""

    def __init__(self, folder: Path, **expected) -> None:
        store = folder / "g.db"
        if not store.exists():
            open_database(store).close()
        self.kept = Kept(open_beside(store))
        self.book = Book()
        self.unusual = Unusual(self.book, self.kept, lambda _: Expected(**expected))
        self.now = T0
        self.number = 0

    def record(self, *readings: Reading, size: int = 120, confirmed: bool = True, lag: float = 0.0) -> None:
        self.number += 1
        taken = self.now - lag
        event = RecordSeen("cellar", "sealed", 1, self.number, taken, self.now, readings, confirmed, size=size)
        self.unusual.take(event, self.now)

    def day(self, each_s: float = 600.0, **more) -> None:
        end, rng = self.now + DAY_S, random.Random(3)
        while self.now < end:
            self.now += each_s
            self.record(Reading("air", "Cel", room(self.now, rng), None), **more)

    @property
    def odd(self) -> list[str]:
        return sorted(alert.what for alert in self.book.open)


def test_what_was_learnt_outlives_a_restart(tmp_path: Path):
    first = Bench(tmp_path)
    first.day()
    first.unusual.keep(first.now, everything=True)
    first.kept.close()
    again = Bench(tmp_path)
    again.now = first.now + 600
    again.record(Reading("air", "Cel", 44.0, None))
    assert again.odd == ["air change", "air value"]
    assert again.book.open[0].text.split(": ", 1)[1].startswith("cellar air ")
    assert "44 °C" in again.book.open[0].text


def test_what_was_damaged_in_the_store_is_learnt_again(tmp_path: Path):
    first = Bench(tmp_path)
    first.day()
    first.kept.save_learnt([("cellar", "of air", b"\x00\x05nonsense")], first.now)
    again = Bench(tmp_path)
    again.now = first.now + 600
    again.record(Reading("air", "Cel", 44.0, None))
    assert again.odd == []


def test_unusual_is_over_a_quarter_of_an_hour_after_it_was_last(tmp_path: Path):
    bench = Bench(tmp_path)
    bench.day(60)
    usual = room(bench.now, random.Random(1))
    bench.now += 60
    bench.record(Reading("air", "Cel", usual + 20, None))
    assert "air value" in bench.odd
    for _ in range(14):
        bench.now += 60
        bench.record(Reading("air", "Cel", usual, None))
    assert bench.odd != []
    for number in range(4):
        bench.now += 60
        bench.record(Reading("air", "Cel", usual + 0.01 * number, None))
    assert bench.odd == []


def test_recording_teaches_nothing_and_raises_nothing(tmp_path: Path):
    bench = Bench(tmp_path)
    bench.day(confirmed=False)
    bench.record(Reading("air", "Cel", 44.0, None))
    assert bench.odd == []
    assert bench.kept.learnt("cellar") == {}


def test_what_an_actuator_is_at_is_not_judged(tmp_path: Path):
    bench = Bench(tmp_path, actuators=frozenset(("dimmer",)))
    for _ in range(300):
        bench.now += 300
        bench.record(Reading("dimmer", None, 20, None))
    bench.record(Reading("dimmer", None, 100, None))
    assert bench.odd == []


def test_message_of_another_size_is_unusual(tmp_path: Path):
    bench = Bench(tmp_path)
    bench.day()
    bench.now += 700
    bench.record(size=900)
    assert bench.odd == ["size"]


def test_many_records_are_unusual_and_those_that_waited_are_not(tmp_path: Path):
    bench = Bench(tmp_path)
    bench.day(60)
    bench.now += 700
    for _ in range(200):
        bench.now += 0.1
        bench.record(lag=3000)
    assert bench.odd == []
    for _ in range(200):
        bench.now += 0.1
        bench.record()
    assert bench.odd == ["records"]


def test_many_connections_are_unusual(tmp_path: Path):
    bench = Bench(tmp_path)
    bench.day()
    for connection in range(1, 12):
        bench.now += 60
        bench.unusual.take(StateSeen("cellar", State(True, 1, connection)), bench.now)
    assert bench.odd == ["connections"]


def test_names_that_a_mote_invents_are_learnt_in_bounded_numbers(tmp_path: Path):
    bench = Bench(tmp_path)
    for number in range(1000):
        bench.record(Reading(f"name-{number}", None, 1.0, None))
    bench.unusual.keep(bench.now, everything=True)
    assert len(bench.kept.learnt("cellar")) == MOST_NAMES + 1


def test_all_other_alerts_are_there_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    open_database(tmp_path / "g.db").close()
    for name in ("unusual", "series", "learnt"):
        monkeypatch.delitem(sys.modules, f"ironmote.alerts.{name}")
    monkeypatch.setitem(sys.modules, "datasketches", None)
    desk = Desk(lambda: Kept(open_beside(tmp_path / "g.db")), lambda _: Expected(), lambda: ["cellar"], lambda _: None)
    desk.start()
    try:
        desk.take(StateSeen("cellar", State(True, 1, 1, missing=("sht4x",))))
        end = time.monotonic() + 30
        while not (lines := desk.alerts()):
            assert time.monotonic() < end
    finally:
        desk.stop()
    assert [line["kind"] for line in lines] == ["sensor"]
