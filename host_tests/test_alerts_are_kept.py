"""The desk that makes alerts, with a gateway, a real broker and a real store: nothing of it is lost over a restart."""

import contextlib
import functools
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import waits
from gateway_bench import Bench, Client, running
from gateway_motes import SealingMote
from ironmote.alerts.alert import Alert
from ironmote.alerts.desk import Desk
from ironmote.alerts.expected import Expected
from ironmote.alerts.kept import Kept
from ironmote.brokers.nats import NatsBroker
from ironmote.gateway import MessageRefused, reasons
from ironmote.gateway.database import open_beside, open_database

PATIENCE_S = 30.0


until = functools.partial(waits.until, within_s=PATIENCE_S)


@contextlib.contextmanager
def desk(store: Path, told: list[Alert] | None = None) -> Iterator[Desk]:
    members = ["attic", "cellar"]
    made = Desk(
        lambda: Kept(open_beside(store)),
        lambda _: Expected(silent_s=3600.0),
        lambda: members,
        (told if told is not None else []).append,
    )
    made.start()
    try:
        yield made
    finally:
        made.stop()


def a_store(folder: Path) -> Path:
    open_database(folder / "g.db").close()
    return folder / "g.db"


def test_attack_on_a_running_gateway_is_an_alert_and_outlives_it(tmp_path: Path):
    with running(NatsBroker, tmp_path) as bench, desk(tmp_path / "g.db") as made:
        mote = SealingMote(bench.fleet, "cellar")
        client = Client(bench.broker, bench.fleet, mote)
        message = mote.up()
        for _ in range(3):
            client.publish("up", message)
        _pass_on(bench, made, 2)
        (line,) = until(made.alerts)
        assert (line["mote"], line["kind"], line["severity"], line["count"]) == ("cellar", "replay", "warning", 2)
        client.close()
    with desk(tmp_path / "g.db") as made:
        (again,) = made.alerts()
        assert {**again, "text": ""} == {**line, "text": ""}


def _pass_on(bench: Bench, made: Desk, refusals: int) -> None:
    """Hand the gateway's events to the desk until so many were refusals."""
    while refusals:
        event = bench.events.get(timeout=PATIENCE_S)
        made.take(event)
        refusals -= isinstance(event, MessageRefused)


def test_acknowledged_alert_stays_so(tmp_path: Path):
    store = a_store(tmp_path)
    told: list[Alert] = []
    with desk(store, told) as made:
        made.take(MessageRefused("cellar", "clear", "no", False, 1, reasons.FORGED))
        (line,) = until(made.alerts)
        assert made.acknowledge(line["id"])["acknowledged"] is not None
    with desk(store) as made:
        assert made.alerts()[0]["acknowledged"] is not None
        with pytest.raises(Exception, match="there is no alert"):
            made.acknowledge("00000000")


def test_alert_that_is_over_is_found_by_when_it_was(tmp_path: Path):
    store = a_store(tmp_path)
    begun = time.time()
    with desk(store) as made:
        made.take(MessageRefused("cellar", "clear", "two of them", True, 1, reasons.CLONE))
        (line,) = until(made.alerts)
        assert made.acknowledge(line["id"])["over"] is not None
        assert made.alerts() == []
        assert [each["id"] for each in made.alerts(begun - 1)] == [line["id"]]


def test_listener_that_fails_costs_no_alert(tmp_path: Path):
    store = a_store(tmp_path)

    def fail(alert: Alert) -> None:
        raise RuntimeError("a listener's own trouble")

    made = Desk(lambda: Kept(open_beside(store)), lambda _: Expected(), lambda: ["cellar"], fail)
    made.start()
    for number in range(3):
        made.take(MessageRefused("cellar", "clear", "no", False, 1, (reasons.FORGED, reasons.REPLAY)[number % 2]))
    until(lambda: len(made.alerts()) == 2)
    made.stop()
    with desk(store) as again:
        assert len(again.alerts()) == 2


def test_flood_of_records_costs_the_gateway_no_time_and_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ironmote.alerts.desk.WAITING", 10)
    store = a_store(tmp_path)
    with desk(store) as made:
        made.call(lambda *_: [made.take(_record(number)) for number in range(100)])  # while nobody looks at them
        (line,) = until(made.alerts)
        assert (line["kind"], line["count"]) == ("overload", 90)


def _record(number: int):
    from ironmote.gateway import RecordSeen

    now = time.time()
    return RecordSeen("cellar", "sealed", 1, number, now, now, ())
