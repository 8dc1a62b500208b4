"""Records, windows and commands: the schema of stores that were made before there were steps."""

from ironmote.gateway.migrations import run

revision = "0001"
down_revision = None

_SCHEMA = """
CREATE TABLE motes (
    id TEXT PRIMARY KEY,
    downlink $integer NOT NULL DEFAULT 0,    -- the next sequence number of a command, which only ever grows
    generation $integer NOT NULL DEFAULT 0,  -- of the root key under which it was heard last: older ones are refused
    revoked $integer NOT NULL DEFAULT 0,     -- root keys up to this generation are not believed
    confirmed $integer                       -- boot counter proven by a challenge since the gateway started
)$clustered;
CREATE TABLE epochs (
    mote TEXT NOT NULL, epoch $blob NOT NULL, highest $integer NOT NULL, bits $blob NOT NULL, will $integer NOT NULL,
    failed $integer NOT NULL,                -- openings that failed under its keys
    PRIMARY KEY (mote, epoch)
)$clustered;
CREATE TABLE records (
    id $id,
    mote TEXT NOT NULL, generation $integer NOT NULL, boot $integer NOT NULL, number $integer NOT NULL,
    taken $real, arrived $real NOT NULL,     -- seconds since 1970, taken is NULL where the mote has no clock
    channel TEXT NOT NULL, epoch $integer, sequence $integer,
    confirmed $integer NOT NULL,             -- 0: sealed, and the mote had not yet answered a challenge
    UNIQUE (mote, generation, boot, number)
);
CREATE TABLE readings (
    record $integer NOT NULL REFERENCES records, name TEXT NOT NULL, unit TEXT, value $number, taken $real,
    kind TEXT NOT NULL CHECK (kind IN ('number', 'bool', 'text'))
);
CREATE INDEX readings_of_record ON readings (record);
CREATE TABLE states (mote TEXT PRIMARY KEY, online $integer NOT NULL, generation $integer NOT NULL,
    boot $integer NOT NULL, connection $integer NOT NULL, arrived $real NOT NULL)$clustered;
CREATE TABLE boots (                         -- those of which a status came, or whose end a later one told
    mote TEXT NOT NULL, generation $integer NOT NULL, boot $integer NOT NULL,
    heard $integer,                          -- counts boots in the order of their first status
    last $integer,                           -- number of the last record it is known to have had, from a later boot
    UNIQUE (mote, generation, boot)
);
CREATE TABLE missing (                       -- what may be missing after number `after` of `boot`, before boot `until`
    mote TEXT NOT NULL, generation $integer NOT NULL, boot $integer NOT NULL, after $integer NOT NULL,
    until $integer NOT NULL
);
CREATE TABLE refusals (                      -- minute: since 1970, mote: '' where it is none of ours
    minute $integer NOT NULL, zone TEXT NOT NULL, mote TEXT NOT NULL, why TEXT NOT NULL, alert $integer NOT NULL,
    times $integer NOT NULL,
    PRIMARY KEY (minute, zone, mote, why, alert)
)$clustered;
CREATE TABLE commands (
    id $blob PRIMARY KEY, mote TEXT NOT NULL, name TEXT NOT NULL, value $number, made $real NOT NULL,
    deadline $real NOT NULL, result TEXT, state $number, why TEXT, answered $real
)$clustered;
"""


def upgrade() -> None:
    """Make the tables."""
    run(_SCHEMA)
