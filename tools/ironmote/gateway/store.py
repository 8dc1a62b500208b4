"""The gateway's memory: what was verified, and what must never be taken or sent twice.

The window that a message moves and the record it carries are written in one transaction, and the broker hears of
it only after that is on disk. One process owns a file, and a second one is refused; several share a PostgreSQL.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sized
from pathlib import Path

from mote.replay import Window

from . import rows
from .answers import Answers
from .database import open_database
from .events import Value
from .losses import lost
from .outbox import Outbox
from .retention import Retention
from .stored_records import StoredRecords
from .trust import EpochTrust

_REFUSALS_MOST = 100_000
_REFUSALS_MINUTES = 30 * 24 * 60
_LONGEST_LEAP = 2**20  # downlink numbers that a gateway can have used since the backup that it starts from


class Store:
    """One open store. All methods raise StoreError when the disk does not do its part; use from one thread.

    What changes a mote belongs inside of `transaction`, and where other gateways share the store inside of its `lock`.
    """

    def __init__(self, where: Path | str, publishes: bool = False) -> None:
        """Open or create the store: a file, or a PostgreSQL by URL. Raises StoreError where another has the file.

        Records go into the outbox where the gateway `publishes`: else nobody would ever take them out.
        """
        self._db = open_database(where)
        self.outbox = Outbox(self._db)
        self.records = StoredRecords(self._db, self.outbox if publishes else None)
        self.answers = Answers(self._db)
        self.shared = self._db.shared
        self.transaction = self._db.transaction
        self.savepoint = self._db.savepoint
        self._reading = self._db.reading
        self._versions: dict[str, int] = {}  # of the motes as they were loaded last, where others may change them
        with self.transaction():
            self._begin_alone()

    def retention(self, keep_days: int, begin: Callable[[str], object]) -> Retention:
        """What removes from this store what is older; see Retention."""
        return Retention(self._db, keep_days, begin)

    def close(self) -> None:
        """Close it and let others have it."""
        self._db.close()

    def _begin_alone(self) -> None:
        """Where no other gateway has the store open: nobody knows what was between its last writing and now.

        Also where our connection had broken, since it may be another PostgreSQL, made of a backup, that we have now.
        """
        if not self._db.alone:
            return
        self._db.alone = False
        # Whether this is the newest state or yesterday's, nothing in it can tell.
        self._db.execute("UPDATE motes SET confirmed = NULL, version = version + 1 WHERE confirmed IS NOT NULL")
        # Whoever waited for these is gone, and what became of them cannot be known.
        self._db.execute(
            "UPDATE commands SET result = 'unknown', state = 'null', why = 'the gateway ended before an answer'"
            " WHERE result IS NULL"
        )

    def lock(self, motes: Iterable[str]) -> list[str]:
        """Inside a transaction: nobody else writes of `motes` until it ends; gives those that are not as loaded last.

        A store that is not shared has nobody else.
        """
        if not self.shared:
            return []
        self._begin_alone()
        names = sorted(motes)
        unknown = [(name,) for name in names if name not in self._versions]
        self._db.executemany("INSERT INTO motes (id) VALUES (?) ON CONFLICT DO NOTHING", unknown)
        # In the order of their names, so that no two gateways wait for each other in a ring.
        rows = (
            self._db.execute(
                f"SELECT id, version FROM motes WHERE id IN ({_marks(names)}) ORDER BY id FOR UPDATE",  # noqa: S608
                names,
            ).fetchall()
            if names
            else []
        )
        moved = [name for name, version in rows if self._versions.get(name) != version]
        self._versions.update(rows)
        return moved

    def touch(self, motes: Iterable[str]) -> None:
        """Inside a transaction and after `lock`: what is stored of `motes` is not what others have loaded."""
        names = sorted(motes)
        if names:
            self._db.execute(f"UPDATE motes SET version = version + 1 WHERE id IN ({_marks(names)})", names)  # noqa: S608
            for name in names:
                self._versions[name] = self._versions.get(name, 0) + 1

    def moved(self, motes: Iterable[str]) -> list[str]:
        """Those of `motes` that another gateway has written of since they were loaded."""
        names = sorted(motes)
        if not names:
            return []
        with self._reading():
            query = f"SELECT id, version FROM motes WHERE id IN ({_marks(names)})"  # noqa: S608
            rows = self._db.execute(query, names).fetchall()
        return [name for name, version in rows if self._versions.get(name) != version]

    def epochs(self, mote: str) -> list[EpochTrust]:
        """The epochs of a mote as they were last saved."""
        query = "SELECT epoch, highest, bits, will, failed FROM epochs WHERE mote = ?"
        with self._reading():
            rows = self._db.execute(query, (mote,)).fetchall()
        return [
            EpochTrust(epoch, Window(highest=highest, bits=int.from_bytes(bits, "big")), will, failed)
            for epoch, highest, bits, will, failed in rows
        ]

    def save_epochs(self, moved: Mapping[str, tuple[Iterable[EpochTrust], Iterable[bytes]]]) -> None:
        """Keep epochs of each mote as they are now, and forget those that are named beside them."""
        rows.insert(
            self._db,
            "epochs (mote, epoch, highest, bits, will, failed)",
            [
                (mote, each.epoch, each.window.highest, each.window.bits.to_bytes(16, "big"), each.will, each.failed)
                for mote, (epochs, _) in moved.items()
                for each in epochs
            ],
            "ON CONFLICT (mote, epoch) DO UPDATE SET highest = excluded.highest, bits = excluded.bits,"
            " will = excluded.will, failed = excluded.failed",
        )
        gone = [(mote, epoch) for mote, (_, forgotten) in moved.items() for epoch in forgotten]
        if gone:
            self._db.executemany("DELETE FROM epochs WHERE mote = ? AND epoch = ?", gone)

    def state(self, mote: str) -> tuple[int, int, int] | None:
        """Generation, boot and connection of the last state that was applied, or None."""
        query = "SELECT generation, boot, connection FROM states WHERE mote = ?"
        with self._reading():
            row = self._db.execute(query, (mote,)).fetchone()
        return None if row is None else (row[0], row[1], row[2])

    def save_state(self, mote: str, online: bool, when: tuple[int, int, int], arrived: float) -> None:
        """Remember the state that was applied last, of generation, boot and connection `when`."""
        self._db.execute(
            "INSERT INTO states (mote, online, generation, boot, connection, arrived) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (mote) DO UPDATE SET online = excluded.online, generation = excluded.generation,"
            " boot = excluded.boot, connection = excluded.connection, arrived = excluded.arrived",
            (mote, int(online), *when, arrived),
        )

    def add_status(self, mote: str, arrived: float, online: bool, boot: int, said: str) -> None:
        """Keep what a mote said of itself, as JSON, for its history."""
        self._db.execute(
            "INSERT INTO statuses (mote, arrived, online, boot, said) VALUES (?, ?, ?, ?, ?)",
            (mote, arrived, int(online), boot, said),
        )

    def latest_boot(self, mote: str) -> tuple[int, int] | None:
        """Generation and counter of the boot of which a status came first last, or None."""
        query = "SELECT generation, boot FROM boots WHERE mote = ? AND heard IS NOT NULL ORDER BY heard DESC LIMIT 1"
        with self._reading():
            row = self._db.execute(query, (mote,)).fetchone()
        return None if row is None else (row[0], row[1])

    def add_boot(self, mote: str, generation: int, boot: int) -> bool:
        """Remember that a status of this boot came; False where one had come before."""
        changed = self._db.execute(
            "INSERT INTO boots (mote, generation, boot, heard)"
            " VALUES (?, ?, ?, (SELECT COALESCE(MAX(heard), 0) + 1 FROM boots WHERE mote = ?))"
            " ON CONFLICT (mote, generation, boot) DO UPDATE SET heard = excluded.heard WHERE boots.heard IS NULL",
            (mote, generation, boot, mote),
        )
        return changed.rowcount > 0

    def end_boot(self, mote: str, generation: int, boot: int, last: int) -> None:
        """Remember that a boot that is over had records up to number `last`, if not more."""
        self._db.execute(
            "INSERT INTO boots (mote, generation, boot, last) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (mote, generation, boot) DO UPDATE SET last = excluded.last"
            " WHERE boots.last IS NULL OR boots.last < excluded.last",
            (mote, generation, boot, last),
        )

    def add_missing(self, mote: str, generation: int, boot: int, after: int, until: int) -> None:
        """Remember that records may be missing after number `after` of `boot`, until boot `until` began."""
        self._db.execute(
            "INSERT INTO missing (mote, generation, boot, after, until) VALUES (?, ?, ?, ?, ?)",
            (mote, generation, boot, after, until),
        )

    def missing(self) -> list[tuple[str, int, int, int]]:
        """Mote, boot, after which number and until which boot records may be missing, oldest first."""
        with self._reading():
            rows = self._db.execute("SELECT mote, boot, after, until FROM missing ORDER BY id").fetchall()
        return [(mote, boot, after, until) for mote, boot, after, until in rows]

    def add_refusals(self, rows: Mapping[tuple[int, str, str, str, bool], int]) -> None:
        """Count refused messages by (minute since 1970, zone, mote or "", why, alert)."""
        self._db.executemany(
            "INSERT INTO refusals (minute, zone, mote, why, alert, times) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (minute, zone, mote, why, alert) DO UPDATE SET times = refusals.times + excluded.times",
            [
                (*row[:4], int(row[4]), times) for row, times in sorted(rows.items())
            ],  # sorted: no two gateways wait in a ring
        )

    def prune_refusals(self, minute: int) -> None:
        """Forget those of more than 30 days before `minute`, and the oldest where there are more than 100,000 rows."""
        self._db.execute("DELETE FROM refusals WHERE minute < ?", (minute - _REFUSALS_MINUTES,))
        self._db.execute(
            "DELETE FROM refusals WHERE minute <= (SELECT minute FROM refusals ORDER BY minute DESC LIMIT 1 OFFSET ?)",
            (_REFUSALS_MOST,),
        )

    def next_downlink(self, mote: str) -> int:
        """Take a sequence number for a command to `mote`. It is on disk, used up, when this returns."""
        return self.next_downlinks([mote])[mote]

    def raise_downlink(self, mote: str, above: int) -> bool:
        """Go on above sequence number `above`, which the mote says it has verified.

        False where that is so already, or where it is a leap that no backup explains: a mote gone bad would spend the
        numbers of its commands with one word.
        """
        row = self._db.execute("SELECT downlink FROM motes WHERE id = ?", (mote,)).fetchone()
        now = 0 if row is None else row[0]
        if not now <= above < now + _LONGEST_LEAP:
            return False
        self._db.execute(
            "INSERT INTO motes (id, downlink) VALUES (?, ?)"
            " ON CONFLICT (id) DO UPDATE SET downlink = excluded.downlink",
            (mote, above + 1),
        )
        return True

    def next_downlinks(self, motes: Iterable[str]) -> dict[str, int]:
        """As `next_downlink`, one for each of several motes, in one transaction."""
        with self.transaction():
            found = rows.insert(
                self._db,
                "motes (id, downlink)",
                [(mote, 1) for mote in sorted(motes)],
                "ON CONFLICT (id) DO UPDATE SET downlink = motes.downlink + 1 RETURNING id, downlink - 1",
            )
        return {mote: int(number) for mote, number in found}

    def standings(self) -> dict[str, tuple[int, int]]:
        """As `standing`, of each mote of which there is something to say."""
        query = "SELECT id, generation, revoked FROM motes WHERE generation > 0 OR revoked > 0"
        with self._reading():
            found = self._db.execute(query).fetchall()
        return {mote: (generation, revoked) for mote, generation, revoked in found}

    def standing(self, mote: str) -> tuple[int, int]:
        """Of which generation a mote was heard last, and up to which it is revoked; 0 where neither was."""
        with self._reading():
            row = self._db.execute("SELECT generation, revoked FROM motes WHERE id = ?", (mote,)).fetchone()
        return (0, 0) if row is None else (row[0], row[1])

    def set_generation(self, mote: str, generation: int) -> None:
        """Remember that `mote` was heard under a root key of `generation`."""
        self._set(mote, "generation", generation)

    def set_revoked(self, mote: str, generation: int) -> None:
        """Remember that root keys of `mote` up to `generation` are not believed."""
        self._set(mote, "revoked", generation)

    def confirmed(self, mote: str) -> bool:
        """True where `mote` has answered a challenge since the store was opened."""
        with self._reading():
            row = self._db.execute("SELECT confirmed FROM motes WHERE id = ?", (mote,)).fetchone()
        return row is not None and row[0] is not None

    def set_confirmed(self, mote: str, boot: int) -> None:
        """Remember that `mote` has answered a challenge in `boot`; forgotten when the store is opened again."""
        self._set(mote, "confirmed", boot)

    def forget_confirmed(self, mote: str) -> None:
        """`mote` has another key than it had: it has answered nothing under that."""
        with self.transaction():
            self._db.execute("UPDATE motes SET confirmed = NULL, version = version + 1 WHERE id = ?", (mote,))

    def _set(self, mote: str, column: str, value: int) -> None:
        self._db.execute(
            f"INSERT INTO motes (id, {column}) VALUES (?, ?)"  # noqa: S608  column is one of three words above
            f" ON CONFLICT (id) DO UPDATE SET {column} = excluded.{column}, version = motes.version + 1",
            (mote, value),
        )

    def add_command(self, command_id: bytes, mote: str, name: str, value: Value, made: float, deadline: float) -> bool:
        """Remember a command before it is sent; False where it is there already."""
        with self.transaction():
            added = self._db.execute(
                "INSERT INTO commands (id, mote, name, value, made, deadline) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT DO NOTHING",
                (command_id, mote, name, json.dumps(value), made, deadline),
            )
        return added.rowcount > 0

    def end_command(self, command_id: bytes, result: str, state: Value, why: str | None, answered: float) -> None:
        """Remember how a command ended."""
        with self.transaction():
            self._db.execute(
                "UPDATE commands SET result = ?, state = ?, why = ?, answered = ? WHERE id = ?",
                (result, json.dumps(state), why, answered, command_id),
            )

    def lost(self) -> dict[str, int]:
        """How many records of each mote never came; see `losses.lost`."""
        return lost(self._db)


def _marks(values: Sized) -> str:
    """Parameters for so many values."""
    return ", ".join("?" * len(values))
