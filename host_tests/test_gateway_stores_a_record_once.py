"""The store: a record once, a window that outlives the process, one process to a file."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from gateway_motes import READINGS, SealingMote, a_fleet
from ironmote.errors import IronmoteError
from ironmote.gateway.database import StoreError
from ironmote.gateway.store import Store
from ironmote.gateway.stored_records import NewRecord
from ironmote.gateway.trust import EpochTrust, MoteTrust
from mote import sealed
from mote.record import Reading


def add(store: Store, number: int, boot: int = 1) -> bool:
    with store.transaction():
        record = NewRecord("cellar", (1, boot, number), None, 1.0, "sealed", number, boot, READINGS)
        return store.records.add([record])[0]


def test_same_identity_stored_once(tmp_path: Path):
    store = Store(tmp_path / "g.db")
    assert add(store, 1)
    assert not add(store, 1)
    assert add(store, 1, boot=2)
    store.close()
    with sqlite3.connect(tmp_path / "g.db") as db:
        assert db.execute("SELECT COUNT(*) FROM records").fetchone() == (2,)
        assert db.execute("SELECT name, unit, value FROM readings WHERE record = 1").fetchall() == [
            ("temperature", "Cel", 23.7),
            ("light", "lx", 585),
        ]


def test_gaps_in_the_numbers_are_lost_records(tmp_path: Path):
    store = Store(tmp_path / "g.db")
    for number in (2, 3, 5):
        add(store, number)
    add(store, 1, boot=2)
    assert store.lost() == {"cellar": 2}
    store.close()


def test_replay_is_refused_after_a_restart_too(tmp_path: Path):
    fleet = a_fleet()
    mote = SealingMote(fleet, "cellar")
    message = mote.up()
    trust = MoteTrust("cellar", 1, mote.key, fleet.id)
    trust.open("up", message)
    trust.open("state", mote.will())
    store = Store(tmp_path / "g.db")
    with store.transaction():
        store.save_epochs({"cellar": trust.to_store()})
    store.close()

    store = Store(tmp_path / "g.db")
    restarted = MoteTrust("cellar", 1, mote.key, fleet.id, store.epochs("cellar"))
    store.close()
    with pytest.raises(sealed.Replayed):
        restarted.open("up", message)
    with pytest.raises(sealed.Replayed):
        restarted.open("state", mote.will())
    restarted.open("up", mote.up())


def test_full_window_survives_storing(tmp_path: Path):
    store = Store(tmp_path / "g.db")
    epoch = EpochTrust(sealed.make_epoch(1, 2, os.urandom(8)))
    for sequence in range(2**40 - 64, 2**40):
        epoch.window.commit(sequence)
    with store.transaction():
        store.save_epochs({"cellar": ([epoch], [])})
    (found,) = store.epochs("cellar")
    store.close()
    assert (found.epoch, found.window.highest, found.window.bits) == (
        epoch.epoch,
        epoch.window.highest,
        epoch.window.bits,
    )


def test_downlink_numbers_never_repeat(tmp_path: Path):
    numbers = []
    for _ in range(3):
        store = Store(tmp_path / "g.db")
        numbers += [store.next_downlink("cellar"), store.next_downlink("cellar")]
        assert store.next_downlink("attic") == len(numbers) // 2 - 1
        store.close()
    assert numbers == sorted(set(numbers))


def test_failed_transaction_leaves_nothing(tmp_path: Path):
    store = Store(tmp_path / "g.db")
    unstorable = (Reading("light", "lx", object(), None),)
    with pytest.raises(StoreError), store.transaction():
        store.records.add([NewRecord("cellar", (1, 1, 1), None, 1.0, "sealed", 0, 1, unstorable)])
    assert add(store, 1)
    store.close()


def test_second_process_is_refused(tmp_path: Path):
    store = Store(tmp_path / "g.db")
    code = (
        f"from pathlib import Path; from ironmote.gateway.store import Store; Store(Path({str(tmp_path / 'g.db')!r}))"
    )
    second = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert second.returncode != 0
    assert "another gateway is using it" in second.stderr
    store.close()
    subprocess.run([sys.executable, "-c", code], check=True)


def test_file_in_a_folder_that_there_is_not_is_no_other_gateway(tmp_path: Path):
    with pytest.raises(StoreError, match=r"g\.db cannot be opened: No such file or directory$"):
        Store(tmp_path / "gone" / "g.db")


def test_unusable_file_is_one_line(tmp_path: Path):
    (tmp_path / "g.db").write_bytes(b"not a database, whatever its name says" * 100)
    with pytest.raises(IronmoteError) as caught:
        Store(tmp_path / "g.db")
    assert "\n" not in str(caught.value)


def test_leap_of_a_downlink_number_is_not_followed_so_one_word_spends_nothing(tmp_path: Path):
    store = Store(tmp_path / "g.db")
    with store.transaction():
        assert not store.raise_downlink("cellar", 2**40 - 1)
        assert store.raise_downlink("cellar", 1000)
        assert not store.raise_downlink("cellar", 1000 + 2**20 + 1)
    assert store.next_downlink("cellar") == 1001
    store.close()
