"""Where alerts are kept over restarts: the gateway's store, through a connection of their own.

It is written at most once a second, in short transactions, so that the gateway's worker does not wait for it.
"""

import time
from collections.abc import Iterable

from ..errors import IronmoteError
from ..gateway.database import Database
from .alert import Alert
from .book import MOST_OPEN
from .kinds import KINDS

_KEPT_DAYS = 90
_KEPT_MOST = 50_000  # that are over
_COLUMNS = "id, mote, kind, what, severity, words, began, latest, times, ended, acknowledged, done"


class Kept:
    """What is kept. For one thread; all methods raise StoreError."""

    def __init__(self, db: Database) -> None:
        """A connection of its own."""
        self._db = db

    def close(self) -> None:
        """Close it."""
        self._db.close()

    def open_alerts(self) -> list[Alert]:
        """Those that are not over, the latest first."""
        return self.alerts("ended IS NULL", (), 2 * MOST_OPEN)

    def since(self, when: float, most: int = 1000) -> list[Alert]:
        """Those that are not over, and those that were at any time since `when`; the latest first."""
        return self.alerts("ended IS NULL OR ended >= ?", (when,), most)

    def find(self, alert_id: str) -> Alert | None:
        """The alert of that id, or None."""
        return next(iter(self.alerts("id = ?", (alert_id,), 1)), None)

    def acknowledge(self, alert_id: str, now: float | None = None) -> Alert:
        """Note that the owner has seen an alert, which may end it. Raises IronmoteError where there is none."""
        now = time.time() if now is None else now
        alert = self.find(alert_id)
        if alert is None:
            raise IronmoteError(f"there is no alert {alert_id}; ironmote alerts lists them")
        alert.acknowledged = now
        if alert.over is None and KINDS[alert.kind].stays:
            alert.over = now
        self.save([alert])
        return alert

    def alerts(self, where: str, parameters: tuple[float | str, ...], most: int) -> list[Alert]:
        """For the methods above."""
        query = f"SELECT {_COLUMNS} FROM alerts WHERE {where} ORDER BY latest DESC LIMIT ?"  # noqa: S608 (texts of this class)
        with self._db.reading():
            return [_alert(row) for row in self._db.execute(query, (*parameters, most)).fetchall()]

    def save(self, alerts: Iterable[Alert]) -> None:
        """Keep these as they are now."""
        places = ", ".join("?" * len(_COLUMNS.split(", ")))
        with self._db.transaction():
            self._db.executemany(
                f"INSERT INTO alerts ({_COLUMNS}) VALUES ({places}) ON CONFLICT (id) DO UPDATE SET"  # noqa: S608 (as above)
                " severity = excluded.severity, words = excluded.words, latest = excluded.latest,"
                " times = excluded.times, ended = excluded.ended, acknowledged = excluded.acknowledged,"
                " done = excluded.done",
                [_row(alert) for alert in alerts],
            )

    def prune(self, now: float | None = None) -> None:
        """Forget what was over 90 days ago, and the oldest where there are more than 50,000 that are over."""
        now = time.time() if now is None else now
        with self._db.transaction():
            self._db.execute("DELETE FROM alerts WHERE ended < ?", (now - _KEPT_DAYS * 86_400,))
            self._db.execute(
                "DELETE FROM alerts WHERE ended <= (SELECT ended FROM alerts WHERE ended IS NOT NULL"
                " ORDER BY ended DESC LIMIT 1 OFFSET ?)",
                (_KEPT_MOST,),
            )

    def heard(self, mote: str) -> float | None:
        """When the newest record or state of `mote` arrived, in seconds since 1970; whichever gateway took it."""
        queries = (
            "SELECT MAX(arrived) FROM records WHERE mote = ?",
            "SELECT arrived FROM states WHERE mote = ? AND online = 1",
        )
        with self._db.reading():
            rows = [self._db.execute(query, (mote,)).fetchone() for query in queries]
        return max((float(row[0]) for row in rows if row is not None and row[0] is not None), default=None)

    def stored(self, mote: str, generation: int, boot: int, first: int, last: int) -> int:
        """How many records with numbers from `first` to `last` of a boot are there."""
        query = "SELECT COUNT(*) FROM records WHERE mote = ? AND generation = ? AND boot = ? AND number BETWEEN ? AND ?"
        with self._db.reading():
            return int(self._db.execute(query, (mote, generation, boot, first, last)).fetchone()[0])

    def quarantined(self) -> dict[str, str]:
        """The motes in quarantine, and why."""
        with self._db.reading():
            return dict(self._db.execute("SELECT mote, why FROM quarantined").fetchall())

    def quarantine(self, mote: str, why: str, now: float | None = None) -> None:
        """Remember that `mote` is in quarantine."""
        with self._db.transaction():
            self._db.execute(
                "INSERT INTO quarantined (mote, since, why) VALUES (?, ?, ?) ON CONFLICT (mote) DO NOTHING",
                (mote, time.time() if now is None else now, why),
            )

    def release(self, mote: str) -> bool:
        """Forget that; False where it was not so."""
        with self._db.transaction():
            return self._db.execute("DELETE FROM quarantined WHERE mote = ?", (mote,)).rowcount > 0

    def learnt(self, mote: str) -> dict[str, bytes]:
        """What was learnt of `mote`, by what it is about."""
        with self._db.reading():
            rows = self._db.execute("SELECT what, sketches FROM learnt WHERE mote = ?", (mote,)).fetchall()
        return {what: bytes(sketches) for what, sketches in rows}

    def save_learnt(self, rows: Iterable[tuple[str, str, bytes]], now: float) -> None:
        """Keep what was learnt: mote, what it is about, and it."""
        with self._db.transaction():
            self._db.executemany(
                "INSERT INTO learnt (mote, what, sketches, saved) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (mote, what) DO UPDATE SET sketches = excluded.sketches, saved = excluded.saved",
                [(*row, now) for row in rows],
            )

    def forget(self, mote: str) -> None:
        """Forget what was learnt of `mote`."""
        with self._db.transaction():
            self._db.execute("DELETE FROM learnt WHERE mote = ?", (mote,))


def _row(alert: Alert) -> tuple[object, ...]:
    return (
        alert.id,
        alert.mote,
        alert.kind,
        alert.what,
        alert.severity,
        alert.text,
        alert.first,
        alert.last,
        alert.count,
        alert.over,
        alert.acknowledged,
        " ".join(alert.done),
    )


def _alert(row: tuple[str, str, str, str, str, str, float, float, int, float | None, float | None, str]) -> Alert:
    alert_id, mote, kind, what, severity, words, began, latest, times, ended, acknowledged, done = row
    return Alert(
        mote, kind, what, severity, words, began, latest, times, ended, acknowledged, tuple(done.split()), alert_id
    )
