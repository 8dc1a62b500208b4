"""A PostgreSQL as the store: what is its own. What both kinds of store do is tested with both (stores.py)."""

import threading

import psycopg
import pytest
from gateway_motes import READINGS
from ironmote.gateway import postgres as postgres_module
from ironmote.gateway.database import StoreError
from ironmote.gateway.postgres import shown
from ironmote.gateway.store import Store
from ironmote.gateway.stored_records import NewRecord
from mote.record import Reading
from postgres_server import PostgresServer


@pytest.fixture
def url(postgres: PostgresServer, request: pytest.FixtureRequest) -> str:
    return postgres.new_store(f"own{abs(hash(request.node.name))}")


def add(store: Store, number: int, readings=READINGS) -> bool:
    with store.transaction():
        return store.records.add([NewRecord("cellar", (1, 1, number), None, 1.0, "sealed", number, 1, readings)])[0]


def test_gateways_that_start_at_once_make_one_schema(postgres: PostgresServer):
    url = postgres.new_database("empty")
    stores: list[Store] = []
    threads = [threading.Thread(target=lambda: stores.append(Store(url))) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(stores) == 3
    assert [add(each, 1) for each in stores].count(True) == 1
    for each in stores:
        each.close()


def test_mote_is_unconfirmed_once_no_gateway_was_left(url: str):
    first = Store(url)
    with first.transaction():
        first.set_confirmed("cellar", 1)
    first.add_command(b"1" * 8, "cellar", "relay", True, 1.0, 2.0)
    second = Store(url)
    assert second.confirmed("cellar")  # the first has never lost sight of it
    first.close()
    assert second.confirmed("cellar")
    second.close()
    third = Store(url)
    assert not third.confirmed("cellar")
    with psycopg.connect(url) as db:
        assert db.execute("SELECT result FROM commands").fetchall() == [("unknown",)]
    third.close()


def test_what_cannot_be_stored_spoils_nothing_else(url: str):
    store = Store(url)
    with store.transaction():
        for value in ("a\0b", object()):
            with pytest.raises((psycopg.Error, TypeError)), store.savepoint():
                store.records.add(
                    [NewRecord("cellar", (1, 1, 1), None, 1.0, "sealed", 1, 1, (Reading("mode", None, value, None),))]
                )[0]
        assert store.records.add([NewRecord("cellar", (1, 1, 1), None, 1.0, "sealed", 1, 1, READINGS)])[0]
    assert store.records.has("cellar", (1, 1, 1), READINGS)
    store.close()


def test_gateways_hand_on_different_records_and_those_of_one_that_ended(url: str, monkeypatch):
    first, second = Store(url, publishes=True), Store(url, publishes=True)
    for number in range(1, 7):
        add(first, number)
    taken = [each.number for each in first.outbox.take(3)], [each.number for each in second.outbox.take()]
    assert taken == ([1, 2, 3], [4, 5, 6])
    assert second.outbox.take() == []
    first.close()
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("UPDATE outbox SET until = until - 61")
    again = second.outbox.take()
    assert [each.number for each in again] == [1, 2, 3, 4, 5, 6]
    second.outbox.done(each.id for each in again)
    with psycopg.connect(url) as db:
        assert db.execute("SELECT COUNT(*) FROM outbox").fetchone() == (0,)
    second.close()


def test_version_says_which_motes_another_gateway_moved(url: str):
    first, second = Store(url), Store(url)
    with first.transaction():
        assert first.lock(["cellar", "attic"]) == ["attic", "cellar"]  # nothing was loaded yet
        first.touch(["cellar"])
    with first.transaction():
        assert first.lock(["cellar", "attic"]) == []
    with second.transaction():
        assert second.lock(["cellar"]) == ["cellar"]
        second.touch(["cellar"])
    assert first.moved(["cellar", "attic"]) == ["cellar"]
    with first.transaction():
        assert first.lock(["cellar", "attic"]) == ["cellar"]
    for each in (first, second):
        each.close()


def test_no_password_reaches_an_error(postgres: PostgresServer):
    for url in (
        f"postgresql://owner:swordfish@127.0.0.1:{postgres.port}/none",
        f"postgresql://owner@127.0.0.1:{postgres.port}/none?password=swordfish",
        "postgresql://owner:swordfish@127.0.0.1:1/none",
        "postgresql://owner:swordfish@127.0.0.1:notaport/none",
        "postgresql://owner:swordfish@[127.0.0.1/none",
        "postgresql://owner@127.0.0.1/none?password=swordfish&sslmode=swordfish",
    ):
        assert "swordfish" not in shown(url)
        with pytest.raises(StoreError) as caught:
            Store(url)
        shown_all, error = "", caught.value
        while error is not None:
            shown_all, error = shown_all + repr(error), error.__cause__ or error.__context__
        assert "password=swordfish" not in shown_all
        assert ":swordfish" not in shown_all
        assert "\n" not in str(caught.value)


def test_store_of_a_later_version_is_refused(url: str):
    Store(url).close()
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="another version of ironmote"):
        Store(url)


def test_write_that_waits_too_long_for_another_gateway_is_an_error_that_is_tried_again(url: str, monkeypatch):
    first = Store(url)
    monkeypatch.setattr(postgres_module, "_SESSION", ("SET lock_timeout = '100ms'",))
    monkeypatch.setattr(postgres_module, "_LOCK_S", 0.1)
    second = Store(url)
    with second.transaction():
        second.lock(["cellar"])
    with first.transaction():
        first.lock(["cellar"])
        with pytest.raises(StoreError, match="cannot be written"), second.transaction():
            second.lock(["cellar"])
    with second.transaction():
        second.lock(["cellar"])
    for each in (first, second):
        each.close()
