"""What is stored is read over time and exported as it is, in both kinds of store; what was pruned stays out."""

import csv
import json
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from gateway_motes import READINGS
from ironmote.errors import IronmoteError, UsageError
from ironmote.gateway.database import StoreError
from ironmote.gateway.retention import Retention, joined
from ironmote.gateway.store import Store
from ironmote.gateway.stored_records import NewRecord
from ironmote.history import History, Latest, Point
from ironmote.history.export import COLUMNS, export
from mote import command, record
from mote.record import Reading

NOW = 1_800_000_000.0


def fill(
    store: Store, values, name: str = "temperature", step_s: float = 60.0, mote: str = "cellar", first: int = 1
) -> None:
    with store.transaction():
        store.save_state(mote, True, (1, 1, 1), NOW)
        for number, value in enumerate(values, first):
            at = NOW - 3600 + (number - first) * step_s
            unit = "Cel" if isinstance(value, float) else None
            readings = (Reading(name, unit, value, at),)
            assert store.records.add([NewRecord(mote, (1, 1, number), at, at + 1, "sealed", number, 1, readings)])[0]


def test_values_come_in_buckets_with_lowest_mean_and_highest(place):
    store = Store(place)
    fill(store, [float(each) for each in range(60)])
    fill(store, [True, False], "door", first=100)
    store.close()
    with History(place) as history:
        buckets = history.buckets("cellar", "temperature", NOW - 3600, NOW, 6)
        assert [(each.at, each.count, each.lowest, each.mean, each.highest) for each in buckets] == [
            (NOW - 3600 + 600 * nth, 10, 10.0 * nth, 10.0 * nth + 4.5, 10.0 * nth + 9) for nth in range(6)
        ]
        assert history.buckets("cellar", "temperature", NOW - 1800, NOW, 1)[0].count == 30
        assert history.buckets("cellar", "door", NOW - 3600, NOW, 1)[0].mean == 0.5
        assert history.buckets("attic", "temperature", NOW - 3600, NOW, 6) == []


def test_points_and_latest_values_are_of_the_kind_that_was_said(place):
    store = Store(place)
    fill(store, [True, False], "door")
    fill(store, ["safe", "on"], "mode", first=10)
    fill(store, [21.5], first=20)
    store.close()
    with History(place) as history:
        assert history.points("cellar", "door", 0, NOW) == [
            Point(NOW - 3600, True, None),
            Point(NOW - 3540, False, None),
        ]
        assert history.points("cellar", "mode", 0, NOW, most=1) == [Point(NOW - 3540, "on", None)]
        assert history.latest("cellar") == [
            Latest("cellar", "door", None, False, NOW - 3540),
            Latest("cellar", "mode", None, "on", NOW - 3540),
            Latest("cellar", "temperature", "Cel", 21.5, NOW - 3600),
        ]
        assert history.motes() == ["cellar"]


def test_reading_without_a_clock_is_of_when_it_arrived(place):
    store = Store(place)
    with store.transaction():
        store.records.add(
            [NewRecord("cellar", (1, 1, 1), None, NOW, "sealed", 1, 1, (Reading("light", "lx", 585, None),))]
        )[0]
    store.close()
    with History(place) as history:
        assert [each.at for each in history.points("cellar", "light", 0, NOW + 1)] == [NOW]


def test_commands_states_and_refusals_are_read(place):
    store = Store(place)
    store.add_command(b"1" * 8, "cellar", "heater", True, NOW, NOW + 9)
    store.end_command(b"1" * 8, "done", "warm", None, NOW + 1)
    store.add_command(b"2" * 8, "cellar", "heater", "auto", NOW + 2, NOW + 9)
    with store.transaction():
        store.add_status("cellar", NOW, True, 3, json.dumps({"reset": "power"}))
        store.add_refusals({(int(NOW // 60), "clear", "cellar", "garbage", True): 4})
    store.close()
    with History(place) as history:
        first, second = history.commands("cellar", 0)
        assert (first.value, first.result, first.state, first.answered) == (True, "done", "warm", NOW + 1)
        assert (second.value, second.result) == ("auto", None)
        (status,) = history.statuses("cellar", 0)
        assert (status.online, status.boot, status.said) == (True, 3, {"reset": "power"})
        (refusal,) = history.refusals("cellar", 0)
        assert (refusal.times, refusal.alert, refusal.at) == (4, True, NOW // 60 * 60)


def test_export_has_every_reading_once(place, tmp_path: Path):
    store = Store(place)
    fill(store, [float(each) for each in range(25)])
    fill(store, ['a "quoted", line'], "note", first=40)
    fill(store, [True], "door", mote="attic")
    store.close()
    seen = []
    with History(place) as history:
        assert list(map(len, history.rows(None, 0.0, chunk=10))) == [10, 10, 7]
        count = export(history, tmp_path / "all.csv", None, 0.0, lambda at, end: seen.append((at, end)))
        assert (count, seen[-1]) == (27, (27, 27))
        assert export(history, tmp_path / "one.csv", "attic", 0.0) == 1
        assert export(history, tmp_path / "all.parquet", None, 0.0) == 27
        with pytest.raises(UsageError, match=r"\.csv or \.parquet"):
            export(history, tmp_path / "all.xls", None, 0.0)
        with pytest.raises(IronmoteError, match="cannot be written"):
            export(history, tmp_path / "none" / "all.csv", None, 0.0)
    with (tmp_path / "all.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert [float(row["value"]) for row in rows[:25]] == [float(each) for each in range(25)]
    assert (rows[25]["text"], rows[25]["value"]) == ('a "quoted", line', "")
    assert datetime.fromisoformat(rows[0]["time"]) == datetime.fromtimestamp(NOW - 3600, UTC)
    assert rows[0]["record"] == "1.1.1"
    parquet = pytest.importorskip("pyarrow.parquet").read_table(tmp_path / "all.parquet").to_pylist()
    assert [row["value"] for row in parquet[:25]] == [float(each) for each in range(25)]
    assert (parquet[25]["text"], parquet[26]["mote"], parquet[26]["value"]) == ('a "quoted", line', "attic", 1.0)
    assert parquet[0]["time"] == datetime.fromtimestamp(NOW - 3600, UTC)
    assert sorted(each.name for each in tmp_path.iterdir() if "all" in each.name) == ["all.csv", "all.parquet"]


def test_what_a_hostile_mote_said_is_no_formula_of_a_spreadsheet_and_stops_no_export(tmp_path: Path):
    texts = ["=1+1", "+1", "-1", "@SUM(A1)", " =1+1", "＝1", "plain", "a=b"]
    said = [{"bn": "cellar/", "bt": 1e12, "ri": "1.1.1", "n": "mode", "u": "=cmd|'/C x'!A0", "vs": texts[0]}]
    said += [{"n": f"mode{nth}", "vs": text} for nth, text in enumerate(texts[1:])]
    taken = record.unpack_json(json.dumps(said).encode(), "cellar")  # no calendar has such a time
    store = Store(tmp_path / "history.db")
    with store.transaction():
        new = NewRecord("cellar", taken.identity, taken.base_time, NOW, "tls", None, None, tuple(taken.readings))
        assert store.records.add([new])[0]
    fill(store, [-1.5], mote="attic")
    store.close()
    with History(tmp_path / "history.db") as history:
        assert export(history, tmp_path / "all.csv", None, 0.0) == len(texts) + 1
        assert export(history, tmp_path / "all.parquet", None, 0.0) == len(texts) + 1
    with (tmp_path / "all.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"] for row in rows[:-1]] == [f"'{text}" for text in texts[:-2]] + texts[-2:]
    assert (rows[0]["unit"], rows[0]["time"], rows[-1]["value"]) == ("'=cmd|'/C x'!A0", "", "-1.5")
    table = pytest.importorskip("pyarrow.parquet").read_table(tmp_path / "all.parquet").to_pydict()
    assert table["text"][:-1] == texts
    assert table["time"][:-1] == [None] * len(texts)


def test_history_that_nobody_made_is_one_line(tmp_path: Path):
    with pytest.raises(StoreError, match="ironmote gateway"):
        History(tmp_path / "none.db")


def test_what_is_pruned_is_never_taken_again_and_never_lost(place):
    store = Store(place, publishes=True)
    fill(store, [1.0] * 3)
    fill(store, [1.0] * 3, first=5)  # number 4 never came
    fill(store, [1.0], mote="attic")
    retention = Retention(store._db, 1)
    assert store.lost() == {"cellar": 1, "attic": 0}
    while retention.step("cellar", NOW):
        pass
    with History(place) as history:
        assert history.latest("cellar") == []
        assert len(history.latest("attic")) == 1
    assert [each.mote for each in store.outbox.take()] == ["attic"]
    assert store.lost() == {"cellar": 1, "attic": 0}
    with store.transaction():
        for number in (1, 2, 3, 5, 6, 7):
            assert not store.records.add(
                [NewRecord("cellar", (1, 1, number), None, NOW, "sealed", number, 1, READINGS)]
            )[0]
            assert store.records.has("cellar", (1, 1, number), READINGS)
        assert store.records.highest("cellar", 1, 1) == 7
        assert store.records.add([NewRecord("cellar", (1, 1, 4), None, NOW - 9, "sealed", 4, 1, READINGS)])[0]
        assert store.records.add([NewRecord("cellar", (1, 2, 1), None, NOW, "sealed", 4, 1, READINGS)])[0]
    assert retention.step("cellar", NOW)
    assert store._db.execute("SELECT boot, first, last FROM pruned").fetchall() == [(1, 1, 7)]
    store.close()


def test_command_that_could_still_come_again_is_not_forgotten(place):
    store = Store(place)
    day = 86_400
    for each, deadline in ((b"still wanted", NOW + 5 * day), (b"long over", NOW - 2 * day)):
        assert store.add_command(each, "cellar", "relay", True, NOW - 2 * day - 60, deadline)
        store.end_command(each, "done", 1, None, NOW - 2 * day)
    retention = Retention(store._db, 1)
    while retention.step("cellar", NOW - day):
        pass
    assert not store.add_command(b"still wanted", "cellar", "relay", True, NOW, NOW + 5 * day), "it would act again"
    assert store.add_command(b"long over", "cellar", "relay", True, NOW, NOW), "it is kept for ever"
    store.close()


def test_answers_that_nobody_asked_for_fill_no_store(place):
    """Every gateway of a store reads all that wait, four times a second; a mote may answer without end."""
    store = Store(place)
    store.add_command(b"8 bytes.", "cellar", "relay", True, NOW, NOW + 20)
    with store.transaction():
        for nth in range(100):
            answer = command.Answer(nth.to_bytes(8), "done", "relay", 1, None)
            store.answers.add("cellar", answer, 1, nth, NOW)
        store.answers.add("attic", command.Answer(b"another.", "done", "relay", 1, None), None, None, NOW)
        store.answers.add("cellar", command.Answer(b"8 bytes.", "done", "relay", 1, None), 1, 100, NOW + 1)
    assert Counter(each.mote for each in store.answers.all()) == {"cellar": 64, "attic": 1}
    store.close()
    with History(place) as history:
        assert [each.result for each in history.commands("cellar", 0.0)] == ["done"], "what was asked has its outcome"


def test_old_records_go_a_few_at_a_time_and_new_ones_stay(tmp_path: Path):
    store = Store(tmp_path / "g.db")
    with store.transaction():
        store.save_state("cellar", True, (1, 1, 1), NOW)
        for number in range(1, 1201):
            at = time.time() - 40 * 86_400 if number <= 1100 else time.time()
            store.records.add([NewRecord("cellar", (1, 1, number), None, at, "sealed", number, 1, READINGS)])[0]
    retention = Retention(store._db, 30)
    left = []
    for _ in range(5):
        retention._next = 0.0
        retention.turn()
        left.append(store._db.execute("SELECT COUNT(*) FROM records").fetchone()[0])
    assert left == [700, 200, 100, 100, 100]
    store.close()


def test_ranges_are_joined():
    assert joined([(5, 5), (1, 2), (3, 3), (7, 9), (8, 8)]) == [(1, 3), (5, 5), (7, 9)]
