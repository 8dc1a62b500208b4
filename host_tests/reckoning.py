"""What became of every reading: taken by the mote, stored by the gateway, reported as lost by it, or lost in silence.

The mote's side is the tally of its simulated board, which notes each value as the part on the bus gives it, and each
start of the board. No two values of one mote are the same, so a reading is known again in the gateway's store.
"""

import bisect
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_BOOT = -1  # _hardware.BOOT


@dataclass(frozen=True)
class Taken:
    """A value that a part gave, when (ms since 1970), and in which start of the board; `last` where it was cut off."""

    value: int
    ms: int
    boot: int
    last: bool


@dataclass(frozen=True)
class Stored:
    """The identity under which the gateway has a reading."""

    generation: int
    boot: int
    number: int


@dataclass
class Sums:
    """How many readings, and what became of them.

    `reported` are those of which the gateway counts how many are lost, `announced` those of which it said only from
    where on some may be missing; `in_hand` were read at the very moment at which power failed, and are in neither.
    """

    taken: int = 0
    once: int = 0
    reported: int = 0
    announced: int = 0
    in_hand: int = 0
    silent: int = 0
    repeated: int = 0

    def add(self, other: "Sums") -> None:
        for name in vars(self):
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass
class Account:
    """The readings of one mote. `silent` names each that was lost and not reported, for people."""

    by_fault: dict[str, Sums] = field(default_factory=dict)
    silent: list[str] = field(default_factory=list)

    @property
    def total(self) -> Sums:
        sums = Sums()
        for each in self.by_fault.values():
            sums.add(each)
        return sums


def taken_in(path: Path, until_ms: int) -> list[Taken]:
    """The tally of a board, up to `until_ms`."""
    found: list[Taken] = []
    boot = 0
    for line in path.read_text().splitlines():
        if len(words := line.split()) != 2:
            continue  # power failed while it was written
        ms, value = int(words[0]), int(words[1])
        if value == _BOOT:
            boot += 1
            if found:
                found[-1] = Taken(found[-1].value, found[-1].ms, found[-1].boot, True)
        elif ms <= until_ms:
            found.append(Taken(value, ms, boot, False))
    return found


def stored_in(store: Path, mote: str, per_unit: float = 1.2) -> dict[int, list[Stored]]:
    """What the gateway has of `mote`, by value; the values of a BH1750 are counts, 1.2 to the lux."""
    found: dict[int, list[Stored]] = {}
    with sqlite3.connect(store) as db:
        rows = db.execute(
            "SELECT value, generation, boot, number FROM readings JOIN records ON record = records.id"
            " WHERE mote = ? AND unit = 'lx'",  # what an actuator says of itself was taken by no sensor
            (mote,),
        )
        for value, *identity in rows:
            found.setdefault(round(value * per_unit), []).append(Stored(*identity))
    return found


@dataclass(frozen=True)
class Told:
    """What the gateway told of the ends of a mote's boots.

    `last` is the number of the last record of a boot, by generation and counter; of `missing` each is a boot, the
    number in it after which records may be missing, and the boot until whose beginning they may.
    """

    last: Mapping[tuple[int, int], int] = field(default_factory=dict)
    missing: Sequence[tuple[int, int, int]] = ()

    def lost_after(self, stored: Stored) -> int:
        """How many records of its boot the gateway counts as lost after `stored`, its last that is there."""
        return max(0, self.last.get((stored.generation, stored.boot), 0) - stored.number)

    def announced(self, before: Stored | None, after: Stored | None) -> bool:
        """True where it was told that records may be missing somewhere between these two."""
        first = 0 if before is None else before.boot
        return any(first <= boot and (after is None or until <= after.boot) for boot, _, until in self.missing)

    def promised(self, before: Stored | None) -> int:
        """How many records of its boot after `before` cannot be among those announced: what was told begins later."""
        if before is None:
            return 0
        numbers = [number for boot, number, _ in self.missing if boot == before.boot]
        return max(0, min(numbers, default=0) - before.number)


def told_in(store: Path, mote: str) -> Told:
    """What the gateway told of `mote`."""
    with sqlite3.connect(store) as db:
        last = db.execute("SELECT generation, boot, last FROM boots WHERE mote = ? AND last IS NOT NULL", (mote,))
        missing = db.execute("SELECT boot, after, until FROM missing WHERE mote = ?", (mote,))
        return Told({(generation, boot): number for generation, boot, number in last}, missing.fetchall())


def settle(
    taken: Sequence[Taken],
    stored: Mapping[int, Sequence[Stored]],
    faults: Sequence[tuple[int, str]],
    told: Told | None = None,
) -> Account:
    """Account for `taken`. `faults` are those in force, each from when on (ms since 1970), in order.

    A reading that is not stored was reported where the numbers around it leave a gap for it, which the gateway counts
    as lost, or where it was told how many records the boot had.
    """
    account = Account()
    told = told or Told()
    begins = [ms for ms, _ in faults]
    missing: list[Taken] = []
    before: Stored | None = None

    def sums_of(each: Taken) -> Sums:
        at = bisect.bisect_right(begins, each.ms) - 1
        return account.by_fault.setdefault(faults[at][1] if at >= 0 else "none", Sums())

    def close(after: Stored | None) -> None:
        """Judge what is missing between two readings that are stored."""
        room = 0
        if after is not None:
            same = before is not None and (before.generation, before.boot) == (after.generation, after.boot)
            room = after.number - 1 - (before.number if same and before is not None else 0)
        crossed = before is None or after is None or (before.generation, before.boot) != (after.generation, after.boot)
        end = told.lost_after(before) if before is not None and crossed else 0
        announced = crossed and told.announced(before, after)
        # What is not counted as lost, and came before what was announced, nobody was told of.
        untold = max(0, told.promised(before) - end) if announced else 0
        # The numbers that are missing belong to the newest of them: those before were of the boot that ended.
        oldest = len(missing) - untold
        for at, each in enumerate(reversed(missing)):
            sums = sums_of(each)
            if room > 0:
                room -= 1
                sums.reported += 1
            elif end > 0:
                end -= 1
                sums.reported += 1
            elif announced and at < oldest:
                sums.announced += 1
            elif each.last:
                sums.in_hand += 1
            else:
                sums.silent += 1
                account.silent.append(f"value {each.value}, taken {each.ms} in start {each.boot}, after {before}")
        missing.clear()

    for each in taken:
        found = stored.get(each.value, ())
        sums = sums_of(each)
        sums.taken += 1
        if len(found) > 1:
            sums.repeated += 1
        if not found:
            missing.append(each)
            continue
        sums.once += len(found) == 1
        close(found[0])
        before = found[0]
    close(None)
    return account


def table(accounts: Mapping[tuple[str, str], Iterable[tuple[str, Sums]]]) -> str:
    """`accounts` as a table: (mote, channel) to (fault, sums)."""
    words = ("taken", "once", "reported", "announced", "in hand", "silent", "twice")
    lines = [f"{'channel':18} {'fault':22}" + "".join(f" {word:>9}" for word in words)]
    by_channel: dict[tuple[str, str], Sums] = {}
    for (_, channel), found in accounts.items():
        for fault, sums in found:
            by_channel.setdefault((channel, fault), Sums()).add(sums)
    whole = Sums()
    for (channel, fault), sums in sorted(by_channel.items()):
        lines.append(_row(channel, fault, sums))
        whole.add(sums)
    return "\n".join([*lines, _row("all", "", whole)])


def _row(channel: str, fault: str, sums: Sums) -> str:
    numbers = (
        sums.taken, sums.once, sums.reported, sums.announced, sums.in_hand, sums.silent, sums.repeated,
    )  # fmt: skip
    return f"{channel:18} {fault:22}" + "".join(f" {number:9}" for number in numbers)


def counts(accounts: Iterable[Account]) -> Counter[str]:
    """The sums of all, by name."""
    found: Counter[str] = Counter()
    for account in accounts:
        found.update(vars(account.total))
    return found
