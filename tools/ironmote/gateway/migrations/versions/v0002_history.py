"""History that can be asked, pruned and handed on, and what several gateways with one PostgreSQL tell each other."""

from ironmote.gateway.migrations import is_sqlite, run

revision = "0002"
down_revision = "0001"

_READINGS = """
CREATE TABLE said (                          -- one reading of a record, beside its others
    record $integer NOT NULL, position $integer NOT NULL, name TEXT NOT NULL, unit TEXT,
    kind TEXT NOT NULL CHECK (kind = 'number' OR kind = 'bool' OR kind = 'text'),  -- IN (...) is half as fast in SQLite
    value $number,                           -- of a bool 1 or 0, NULL where it is a text
    text TEXT,
    taken $real,
    PRIMARY KEY (record, position)
)$clustered
"""
_COPY_READINGS = """
INSERT INTO said SELECT record, ROW_NUMBER() OVER (PARTITION BY record ORDER BY rowid) - 1, name, unit, kind,
    CASE kind WHEN 'text' THEN NULL ELSE value END, CASE kind WHEN 'text' THEN value END, taken
    FROM readings ORDER BY record, rowid
"""

_MISSING = """
CREATE TABLE gaps (id $id, mote TEXT NOT NULL, generation $integer NOT NULL, boot $integer NOT NULL,
    after $integer NOT NULL, until $integer NOT NULL)
"""
_COPY_MISSING = "INSERT INTO gaps SELECT rowid, mote, generation, boot, after, until FROM missing ORDER BY rowid"

_COMMANDS = """
CREATE TABLE orders (
    id $blob PRIMARY KEY, mote TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,  -- value and state are JSON
    made $real NOT NULL, deadline $real NOT NULL, result TEXT, state TEXT, why TEXT, answered $real
)$clustered
"""
_COPY_COMMANDS = """
INSERT INTO orders SELECT id, mote, name, json_quote(value), made, deadline, result,
    CASE WHEN result IS NULL THEN NULL ELSE json_quote(state) END, why, answered FROM commands
"""

_REST = """
DROP TABLE readings;
ALTER TABLE said RENAME TO readings;
DROP TABLE missing;
ALTER TABLE gaps RENAME TO missing;
DROP TABLE commands;
ALTER TABLE orders RENAME TO commands;
CREATE INDEX commands_of_mote ON commands (mote, made);
CREATE INDEX commands_open ON commands (deadline) WHERE result IS NULL;
CREATE INDEX records_by_arrival ON records (mote, arrived);
CREATE TABLE pruned (                        -- numbers of records that were here and are pruned: none is taken again
    mote TEXT NOT NULL, generation $integer NOT NULL, boot $integer NOT NULL,
    first $integer NOT NULL, last $integer NOT NULL,
    PRIMARY KEY (mote, generation, boot, first)
)$clustered;
CREATE TABLE outbox (                        -- records that are to be handed on
    record $integer PRIMARY KEY,
    until $real NOT NULL                     -- seconds since 1970: a gateway has it in hand until then, 0: nobody has
)$clustered;
CREATE TABLE statuses (                      -- what each mote said of itself, over time
    id $id, mote TEXT NOT NULL, arrived $real NOT NULL, online $integer NOT NULL, boot $integer NOT NULL,
    said TEXT NOT NULL                       -- JSON
);
CREATE INDEX statuses_of_mote ON statuses (mote, arrived);
ALTER TABLE motes ADD COLUMN version $integer NOT NULL DEFAULT 0;
CREATE TABLE answers (                       -- verified by another gateway than the one that asked
    id $id, command $blob NOT NULL, mote TEXT NOT NULL, answer $blob NOT NULL,
    boot $integer, sequence $integer, arrived $real NOT NULL
);
CREATE INDEX answers_of_command ON answers (command);
"""


def upgrade() -> None:
    """Make them; what was there is kept."""
    for table, copy in ((_READINGS, _COPY_READINGS), (_MISSING, _COPY_MISSING), (_COMMANDS, _COPY_COMMANDS)):
        run(table)
        if is_sqlite():  # a PostgreSQL never was of the first step alone
            run(copy)
    run(_REST)
