"""A mote that was heard under a root key is heard under no older one: not when the disk fails, nor by an old fleet."""

import sqlite3
from pathlib import Path

import pytest
from gateway_motes import SealingMote, a_fleet
from ironmote import rotation
from ironmote.gateway import MessageRefused, MoteConfirmed, RecordSeen, RootRotated
from ironmote.gateway import database as database_module
from ironmote.gateway import gateway as gateway_module
from ironmote.gateway import served as served_module
from ironmote.gateway.database import StoreError
from ironmote.gateway.members import Successor, successor_of
from ironmote.gateway.store import Store
from ironmote.gateway.trust import MoteTrust
from ironmote.gateway.uplink import Message
from ironmote.gateway.zone import Receipt
from mote import sealed
from running import Stage
from waits import until

NEW_KEY = bytes(range(32))


def rotate(stage: Stage) -> None:
    mote = stage.fleet.motes["cellar"]
    rotation.begin(mote)
    stage.broker.admit(stage.fleet)
    stage.gateway.rotate("cellar", successor_of(mote, stage.fleet.id))


@pytest.fixture
def impatient(monkeypatch):
    """The gateway tries to write again soon; gives the list that grows each time it has loaded what it believes."""
    monkeypatch.setattr(database_module, "_BUSY_S", 0.05)
    monkeypatch.setattr(gateway_module, "_PAUSES_S", (0.1,) * 300)
    loads: list[int] = []
    reload = served_module.Served.reload

    def counting(self) -> None:
        reload(self)
        loads.append(1)

    monkeypatch.setattr(served_module.Served, "reload", counting)
    return loads


def test_reload_takes_no_key_from_before_the_one_that_was_heard():
    fleet = a_fleet()
    old = SealingMote(fleet, "cellar")
    new = SealingMote(fleet, "cellar", boot=2, generation=2)
    new.key = NEW_KEY
    trust = MoteTrust("cellar", 1, old.key, fleet.id, successor=Successor(2, NEW_KEY, b""))
    trust.open("up", old.up())
    trust.open("up", new.up())
    trust.reload(1, old.key, [], None, True, 2)
    assert trust.generation == 2
    with pytest.raises(sealed.Refused, match="generation 1"):
        trust.open("up", old.up())
    trust.open("up", new.up())
    # Where it was not written that the new one was heard, the old one counts: all that followed comes again.
    trust.reload(1, old.key, [], Successor(2, NEW_KEY, b""), True, 1)
    trust.open("up", old.up())
    trust.open("up", new.up())
    assert trust.generation == 2


def test_second_rotation_in_one_process_holds_although_the_disk_fails_after_it(tmp_path: Path, impatient):
    stage = Stage(tmp_path, connect="token")
    try:
        gateway = stage.start_gateway()
        stage.mote().start()
        of = stage.fleet.motes["cellar"]
        for generation in (2, 3):
            stage.wait(lambda wanted=generation: len(stage.of(MoteConfirmed)) >= wanted - 1)
            old = of.root
            rotate(stage)
            stage.wait(lambda wanted=generation: RootRotated("cellar", wanted) in stage.of(RootRotated))
            stage.wait(lambda wanted=generation: len(stage.of(MoteConfirmed)) >= wanted)
            stage.wait(
                lambda secret=old: (
                    secret not in b"".join(each.read_bytes() for each in (tmp_path / "cellar/flash/secrets").iterdir())
                )
            )
            rotation.finish(of, generation)
            stage.broker.admit(stage.fleet)
        holder = sqlite3.connect(tmp_path / "g.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        stage.wait(lambda: len(impatient) > 2)
        assert gateway._trusts["cellar"].generation == 3
        holder.execute("ROLLBACK")
        holder.close()
        seen = len(stage.of(RecordSeen))
        stage.wait(lambda: len(stage.of(RecordSeen)) > seen + 2)
        assert stage.of(RootRotated) == [RootRotated("cellar", 2), RootRotated("cellar", 3)]
        assert [each.why for each in stage.of(MessageRefused) if "generation" in each.why] == []
    finally:
        stage.close()


def test_old_fleet_brings_no_retired_key_back(tmp_path: Path):
    stage = Stage(tmp_path, connect="token")
    try:
        stage.start_gateway()
        mote = stage.mote()
        mote.start()
        stage.wait(lambda: stage.of(MoteConfirmed))
        rotate(stage)
        stage.wait(lambda: stage.of(RootRotated))
        mote.stop()
        stage.stop_gateway()
        stage.events.clear()
        stage.fleet.motes["cellar"].successor = None  # a fleet from before the rotation
        gateway = stage.start_gateway()
        zone = next(zone for zone in gateway._zones if zone.access.prefix == "sealed")
        thief = SealingMote(stage.fleet, "cellar", boot=900)
        gateway._inbox.arrived(zone, Message("clear", "sealed", "sealed/cellar/up", thief.up()), Receipt(0, 1, -1))
        refused = stage.wait(lambda: stage.of(MessageRefused))  # also of what was said before
        assert {each.why for each in refused} == {"heard under root key 2 before, and the fleet has only an older one"}
        assert stage.of(RecordSeen) == []
    finally:
        stage.close()


def test_store_that_cannot_be_read_says_so_by_its_own_error(tmp_path: Path):
    store = Store(tmp_path / "g.db")
    with sqlite3.connect(tmp_path / "g.db") as db:
        for table in ("epochs", "motes", "states", "records"):
            db.execute(f"DROP TABLE {table}")
    for read in (store.epochs, store.standing, store.confirmed, store.state, lambda _: store.lost()):
        with pytest.raises(StoreError, match="cannot be read"):
            read("cellar")
    store.close()


def test_gateway_whose_file_cannot_be_read_for_a_while_takes_everything_once_afterwards(tmp_path: Path, impatient):
    stage = Stage(tmp_path)
    try:
        gateway = stage.start_gateway()
        stage.mote().start()
        stage.wait(lambda: stage.of(MoteConfirmed))
        other = sqlite3.connect(tmp_path / "g.db", isolation_level=None)
        other.execute("ALTER TABLE epochs RENAME TO elsewhere")
        seen = len(stage.of(RecordSeen))
        until(lambda: gateway._inbox.waiting > 3)  # it arrives, and nobody takes it
        gateway.check()
        assert impatient == []
        other.execute("ALTER TABLE elsewhere RENAME TO epochs")
        other.close()
        stage.wait(lambda: len(stage.of(RecordSeen)) > seen + 5)
        numbers = [each.number for each in stage.of(RecordSeen)]
        assert numbers == list(range(1, len(numbers) + 1))
        gateway.check()
    finally:
        stage.close()
