"""Alerts, who is in quarantine, and what was learnt to be usual."""

from ironmote.gateway.migrations import run

revision = "0003"
down_revision = "0002"

_TABLES = """
CREATE TABLE alerts (
    id TEXT PRIMARY KEY, mote TEXT NOT NULL, kind TEXT NOT NULL, what TEXT NOT NULL, severity TEXT NOT NULL,
    words TEXT NOT NULL, began $real NOT NULL, latest $real NOT NULL, times $integer NOT NULL,
    ended $real, acknowledged $real,             -- seconds since 1970, as the others
    done TEXT NOT NULL                           -- the actions that were carried out
)$clustered;
CREATE INDEX alerts_open ON alerts (latest) WHERE ended IS NULL;
CREATE INDEX alerts_ended ON alerts (ended);
CREATE TABLE quarantined (mote TEXT PRIMARY KEY, since $real NOT NULL, why TEXT NOT NULL)$clustered;
CREATE TABLE learnt (                            -- what is usual for a mote
    mote TEXT NOT NULL, what TEXT NOT NULL, sketches $blob NOT NULL, saved $real NOT NULL,
    PRIMARY KEY (mote, what)
)$clustered;
"""


def upgrade() -> None:
    """Make them."""
    run(_TABLES)
