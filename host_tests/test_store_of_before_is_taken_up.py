"""A store that was made before its schema had steps is taken up whole; what no version knows is left alone."""

import contextlib
import sqlite3
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from gateway_motes import READINGS
from ironmote.gateway import schema
from ironmote.gateway.database import StoreError
from ironmote.gateway.store import Store
from ironmote.gateway.stored_records import NewRecord
from mote.record import Reading

# As it was written then, which is what is out there: it does not follow what the code says today.
BEFORE = """
CREATE TABLE motes (
    id TEXT PRIMARY KEY,
    downlink INTEGER NOT NULL DEFAULT 0,     -- the next sequence number of a command; only ever grows
    generation INTEGER NOT NULL DEFAULT 0,   -- of the root key under which it was heard last; older ones are refused
    revoked INTEGER NOT NULL DEFAULT 0,      -- root keys up to this generation are not believed
    confirmed INTEGER                        -- boot counter proven by a challenge since the gateway started
) WITHOUT ROWID;
CREATE TABLE epochs (
    mote TEXT NOT NULL, epoch BLOB NOT NULL, highest INTEGER NOT NULL, bits BLOB NOT NULL, will INTEGER NOT NULL,
    failed INTEGER NOT NULL,                 -- openings that failed under its keys
    PRIMARY KEY (mote, epoch)
) WITHOUT ROWID;
CREATE TABLE records (
    id INTEGER PRIMARY KEY,
    mote TEXT NOT NULL, generation INTEGER NOT NULL, boot INTEGER NOT NULL, number INTEGER NOT NULL,
    taken REAL, arrived REAL NOT NULL,       -- seconds since 1970; taken is NULL where the mote has no clock
    channel TEXT NOT NULL, epoch INTEGER, sequence INTEGER,
    confirmed INTEGER NOT NULL,              -- 0: sealed, and the mote had not yet answered a challenge
    UNIQUE (mote, generation, boot, number)
);
CREATE TABLE readings (
    record INTEGER NOT NULL REFERENCES records, name TEXT NOT NULL, unit TEXT, value, taken REAL,
    kind TEXT NOT NULL CHECK (kind IN ('number', 'bool', 'text'))
);
CREATE INDEX readings_of_record ON readings (record);
CREATE TABLE states (mote TEXT PRIMARY KEY, online INTEGER NOT NULL, generation INTEGER NOT NULL,
    boot INTEGER NOT NULL, connection INTEGER NOT NULL, arrived REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE boots (                         -- those of which a status came, or whose end a later one told
    mote TEXT NOT NULL, generation INTEGER NOT NULL, boot INTEGER NOT NULL,
    heard INTEGER,                           -- counts the boots of all motes in the order of their first status
    last INTEGER,                            -- number of the last record it is known to have had, from a later boot
    UNIQUE (mote, generation, boot)
);
CREATE TABLE missing (                       -- what may be missing after number `after` of `boot`, before boot `until`
    mote TEXT NOT NULL, generation INTEGER NOT NULL, boot INTEGER NOT NULL, after INTEGER NOT NULL,
    until INTEGER NOT NULL
);
CREATE TABLE refusals (                      -- minute: since 1970; mote: '' where it is none of ours
    minute INTEGER NOT NULL, zone TEXT NOT NULL, mote TEXT NOT NULL, why TEXT NOT NULL, alert INTEGER NOT NULL,
    times INTEGER NOT NULL,
    PRIMARY KEY (minute, zone, mote, why, alert)
) WITHOUT ROWID;
CREATE TABLE commands (
    id BLOB PRIMARY KEY, mote TEXT NOT NULL, name TEXT NOT NULL, value, made REAL NOT NULL, deadline REAL NOT NULL,
    result TEXT, state, why TEXT, answered REAL
) WITHOUT ROWID;
"""
ROWS = """
INSERT INTO motes VALUES ('cellar', 7, 2, 1, 3);
INSERT INTO epochs VALUES ('cellar', x'0200000003', 9, x'000000000000000000000000000003ff', 2, 0);
INSERT INTO records VALUES (5, 'cellar', 2, 3, 1, NULL, 10.5, 'sealed', 3, 0, 1);
INSERT INTO records VALUES (8, 'cellar', 2, 3, 4, 11.0, 12.5, 'sealed', 3, 1, 0);
INSERT INTO readings VALUES (8, 'mode', NULL, 'safe', NULL, 'text');
INSERT INTO readings VALUES (5, 'temperature', 'Cel', 23.7, NULL, 'number');
INSERT INTO readings VALUES (5, 'light', 'lx', 585, NULL, 'number');
INSERT INTO readings VALUES (8, 'door', NULL, 1, 10.0, 'bool');
INSERT INTO states VALUES ('cellar', 1, 2, 3, 1, 10.0);
INSERT INTO boots VALUES ('cellar', 2, 3, 1, NULL);
INSERT INTO missing VALUES ('cellar', 2, 2, 4, 3);
INSERT INTO missing VALUES ('cellar', 2, 1, 9, 2);
INSERT INTO refusals VALUES (1, 'clear', 'cellar', 'garbage', 0, 4);
INSERT INTO commands VALUES (x'01', 'cellar', 'relay', 1, 1.0, 2.0, 'done', 'on', NULL, 1.5);
INSERT INTO commands VALUES (x'02', 'cellar', 'relay', 'auto', 3.0, 4.0, NULL, NULL, NULL, NULL);
"""


def before(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.executescript(f"PRAGMA journal_mode = WAL; {BEFORE} {ROWS} PRAGMA user_version = 4;")


def test_store_of_before_is_taken_up_without_loss(tmp_path: Path):
    before(tmp_path / "g.db")
    store = Store(tmp_path / "g.db")
    assert store.standing("cellar") == (2, 1)
    assert store.next_downlink("cellar") == 7
    (epoch,) = store.epochs("cellar")
    assert (epoch.window.highest, epoch.window.bits, epoch.will) == (9, 0x3FF, 2)
    assert store.state("cellar") == (2, 3, 1)
    assert store.missing() == [("cellar", 2, 4, 3), ("cellar", 1, 9, 2)]
    assert store.lost() == {"cellar": 2}
    assert store.records.has("cellar", (2, 3, 1), READINGS)
    assert store.records.has(
        "cellar", (2, 3, 4), (Reading("mode", None, "safe", None), Reading("door", None, True, None))
    )
    with store.transaction():
        assert not store.records.add([NewRecord("cellar", (2, 3, 4), None, 1.0, "sealed", 1, 3, READINGS)])[0]
        assert store.records.add([NewRecord("cellar", (2, 3, 5), None, 1.0, "sealed", 1, 3, READINGS)])[0]
    store.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "g.db")) as db:
        assert db.execute("SELECT value, result, state, why FROM commands ORDER BY id").fetchall() == [
            ("1", "done", '"on"', None),
            ('"auto"', "unknown", "null", "the gateway ended before an answer"),
        ]
        assert db.execute("SELECT * FROM refusals").fetchall() == [(1, "clear", "cellar", "garbage", 0, 4)]
    Store(tmp_path / "g.db").close()


def test_step_that_fails_leaves_the_store_as_it_was(tmp_path: Path):
    before(tmp_path / "g.db")
    with contextlib.closing(sqlite3.connect(tmp_path / "g.db")) as db:
        db.execute("CREATE TABLE outbox (mine TEXT)")  # in the way of one of the last statements
        old = list(db.iterdump())
    with pytest.raises(StoreError) as caught:
        Store(tmp_path / "g.db")
    assert "\n" not in str(caught.value)
    with contextlib.closing(sqlite3.connect(tmp_path / "g.db")) as db:
        assert list(db.iterdump()) == old
        assert db.execute("PRAGMA user_version").fetchone() == (4,)


@pytest.mark.parametrize("version", [3, 6])
def test_store_of_no_version_that_is_known_is_refused(tmp_path: Path, version: int):
    with contextlib.closing(sqlite3.connect(tmp_path / "g.db")) as db:
        db.executescript(f"CREATE TABLE motes (id TEXT); PRAGMA user_version = {version};")
    with pytest.raises(StoreError, match="another version of ironmote"):
        Store(tmp_path / "g.db")


def test_store_of_a_later_version_is_refused(tmp_path: Path):
    Store(tmp_path / "g.db").close()
    with contextlib.closing(sqlite3.connect(tmp_path / "g.db")) as db, db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="another version of ironmote"):
        Store(tmp_path / "g.db")


def test_head_is_the_last_step():
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).with_name("migrations")))
    assert ScriptDirectory.from_config(config).get_current_head() == schema.HEAD
