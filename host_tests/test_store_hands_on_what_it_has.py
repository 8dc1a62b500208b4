"""The outbox: each record that is stored is handed on, oldest first, whoever was killed in between."""

from pathlib import Path

from gateway_motes import READINGS
from ironmote.gateway.store import Store
from ironmote.gateway.stored_records import NewRecord
from mote.record import Reading


def add(store: Store, number: int, readings=READINGS) -> bool:
    with store.transaction():
        return store.records.add([NewRecord("cellar", (1, 3, number), None, 5.0, "sealed", number, 3, readings)])[0]


def test_records_are_handed_on_in_order_with_all_that_they_say(tmp_path: Path):
    store = Store(tmp_path / "g.db", publishes=True)
    said = (Reading("door", None, True, 7.0), Reading("mode", None, "safe", None), Reading("light", "lx", 585, None))
    add(store, 2, said)
    add(store, 1)
    add(store, 1)
    first, second = store.outbox.take()
    assert (first.number, second.number) == (2, 1)
    assert first.readings == said
    assert [type(each.value) for each in first.readings] == [bool, str, int]
    assert (first.mote, first.generation, first.boot, first.epoch, first.sequence) == ("cellar", 1, 3, 3, 2)
    assert (first.taken, first.arrived, first.channel, first.confirmed) == (None, 5.0, "sealed", True)
    assert store.outbox.take() == []
    store.close()


def test_what_was_not_handed_on_is_taken_again(tmp_path: Path):
    store = Store(tmp_path / "g.db", publishes=True)
    for number in (1, 2, 3):
        add(store, number)
    taken = store.outbox.take(2)
    store.outbox.done([taken[0].id])
    assert [each.number for each in store.outbox.take()] == [3]
    store.outbox.again()
    assert [each.number for each in store.outbox.take()] == [2, 3]
    store.close()
    store = Store(tmp_path / "g.db", publishes=True)
    assert [each.number for each in store.outbox.take()] == [2, 3]
    store.close()


def test_nothing_waits_where_nobody_hands_it_on(tmp_path: Path):
    store = Store(tmp_path / "g.db")
    add(store, 1)
    store.close()
    store = Store(tmp_path / "g.db", publishes=True)
    assert store.outbox.take() == []
    store.close()
