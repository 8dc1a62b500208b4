"""What alerts keep is the same in a file and in a PostgreSQL."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from ironmote.alerts.alert import Alert
from ironmote.alerts.kept import Kept
from ironmote.errors import IronmoteError
from ironmote.gateway.database import open_beside
from ironmote.gateway.store import Store

NOW = 1_800_000_000.0


@pytest.fixture
def kept(place: Path | str) -> Iterator[Kept]:
    store = Store(place)
    with store.transaction():
        store.save_state("attic", True, (1, 1, 1), NOW + 9)
    db = open_beside(place)
    with db.transaction():
        db.executemany(
            "INSERT INTO records (mote, generation, boot, number, arrived, channel, confirmed)"
            " VALUES ('cellar', 1, 3, ?, ?, 'sealed', 1)",
            [(number, NOW + number) for number in (1, 2, 5)],
        )
    with contextlib.closing(Kept(db)) as found:
        yield found
    store.close()


def alert(**fields) -> Alert:
    return Alert(
        **({"mote": "cellar", "kind": "clone", "what": "", "severity": "critical", "text": "two of them"} | fields)
    )


def test_alerts_quarantine_and_what_was_learnt_are_there_until_they_are_taken_back(kept: Kept):
    # One test, since each store of a PostgreSQL takes more than a second to make.
    first = alert(first=NOW, last=NOW, done=("mail-critical", "quarantine"))
    second = alert(kind="replay", first=NOW, last=NOW + 5, over=NOW + 6)
    kept.save([first, second])
    assert kept.open_alerts() == [first]
    assert kept.since(NOW + 6) == [second, first]
    assert kept.since(NOW + 7) == [first]
    first.count, first.text, first.done = 8, "eight of them", (*first.done, "revoke")
    kept.save([first])
    assert kept.find(first.id) == first
    assert kept.acknowledge(first.id, NOW + 9).over == NOW + 9  # it lasted until somebody had seen it
    assert kept.open_alerts() == []
    with pytest.raises(IronmoteError, match="there is no alert"):
        kept.acknowledge("00000000")
    kept.prune(NOW + 91 * 86_400)
    assert kept.since(0) == []

    kept.quarantine("cellar", "clone", NOW)
    kept.quarantine("cellar", "again", NOW)
    assert kept.quarantined() == {"cellar": "clone"}
    assert kept.release("cellar")
    assert not kept.release("cellar")
    assert kept.quarantined() == {}

    kept.save_learnt([("cellar", "of air", b"\x00\xff"), ("attic", "of air", b"1")], NOW)
    kept.save_learnt([("cellar", "of air", b"\x01")], NOW)
    assert kept.learnt("cellar") == {"of air": b"\x01"}
    kept.forget("cellar")
    assert (kept.learnt("cellar"), kept.learnt("attic")) == ({}, {"of air": b"1"})

    assert (kept.heard("cellar"), kept.heard("attic"), kept.heard("kitchen")) == (NOW + 5, NOW + 9, None)
    assert kept.stored("cellar", 1, 3, 2, 6) == 2
    assert kept.stored("cellar", 2, 3, 2, 6) == 0
