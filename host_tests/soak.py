"""Motes through random faults of every kind, and what became of each reading.

    python host_tests/soak.py [--minutes N] [--seed S] [--broker nats|mosquitto|both] [--once] [--keep DIR]
    python host_tests/soak.py --every-byte

Prints a table: readings taken (counted at the bus of the simulated board), stored exactly once, lost and reported by
the gateway, announced by it as perhaps missing, in the mote's hand when power failed, lost in silence, stored more
than once; by channel and fault. The exit status is 1 where one was lost in silence or stored twice, or where a mote
gave up. With --once each mote and each broker has every kind of fault once, and that is the end. With --every-byte the
connection of a mote is reset behind each byte of a session instead, in simulated time (tests/device/every_byte.py).
Ctrl-C ends it early: what waits is delivered, the table is of what there was until then, and the exit status is 130
unless it would be 1 anyway. What goes on meanwhile is on stderr.
"""

import argparse
import os
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import soak_faults
from ironmote import guard, interrupts
from ironmote.arguments import Parser
from ironmote.errors import IronmoteError, UsageError
from reckoning import Account, counts, table
from soak_site import SoakMote, SoakSite
from swift_boards import SwiftBoard, reasons

_COMMAND_S = 7.0
_REST_S = (1.0, 3.0)  # in which the mote may get well, or not quite
_SITE_REST_S = 8.0
_SESSION_BYTES = 2048
_SAY_S = 30.0  # how often it says that it goes on
_LEGEND = """
taken by the sensor = in the gateway's store once + reported by it as lost + announced by it as perhaps missing
  + in the mote's hand when power failed + lost in silence; a reading counts for the fault under which it was taken"""


@dataclass
class Result:
    """What `run` came to."""

    accounts: dict[tuple[str, str], Account] = field(default_factory=dict)
    reported: dict[str, int] = field(default_factory=dict)  # by mote, as the gateway counts what was lost
    gave_up: list[str] = field(default_factory=list)
    sessions: dict[str, int] = field(default_factory=dict)
    commands: dict[str, int] = field(default_factory=dict)
    starts: dict[str, int] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    acted: Counter[str] = field(default_factory=Counter)  # how often each kind of fault was put on somebody
    interrupted: bool = False

    @property
    def held(self) -> bool:
        sums = counts(self.accounts.values())
        return not (sums["silent"] or sums["repeated"] or self.gave_up or self.failed)

    def words(self) -> str:
        """All of it, for people."""
        lines = [table({key: list(account.by_fault.items()) for key, account in self.accounts.items()})]
        lines += [_LEGEND, ""]
        for name in self.sessions:
            lines.append(
                f"{name}: {self.sessions[name]} sessions, {self.starts[name]} starts, "
                f"{self.commands[name]} commands obeyed, {self.reported.get(name, 0)} reported lost by the gateway"
            )
        for account in self.accounts.values():
            lines += [f"silent: {each}" for each in account.silent]
        lines += [f"gave up: {each}" for each in self.gave_up]
        lines += [f"failed: {each}" for each in self.failed]
        lines.append(
            f"{sum(self.acted.values())} faults, {len(self.acted)} of {len(soak_faults.EVERY)} kinds"
            + (", interrupted" if self.interrupted else "")
        )
        return "\n".join([*lines, "held" if self.held else "NOT held"])


class _Hand:
    """What breaks one mote, and now and then the site, until it is time to end."""

    def __init__(self, result: Result, over: Callable[[], bool], once: bool) -> None:
        self._result, self._over, self._once = result, over, once

    def on_mote(self, site: SoakSite, mote: SoakMote, kinds: dict[str, soak_faults.Act], seed: int) -> None:
        for name, act, chance in self._faults(mote.name, kinds, seed):
            mote.now(name)
            act(site, mote, chance)
            time.sleep(chance.uniform(*_REST_S))

    def on_site(self, site: SoakSite, kinds: dict[str, soak_faults.Act], seed: int) -> None:
        for name, act, chance in self._faults(site.kind, kinds, seed):
            begin = _ms()
            act(site, site.motes[0], chance)
            time.sleep(chance.uniform(*_REST_S) + _SITE_REST_S)
            site.windows.append((begin, _ms(), name))

    def _faults(
        self, whose: str, kinds: dict[str, soak_faults.Act], seed: int
    ) -> Iterator[tuple[str, soak_faults.Act, random.Random]]:
        """All of `kinds` in some order, then in another, until it is over; what goes wrong in one is kept."""
        chance = random.Random(seed)
        while not self._over():
            order = list(kinds)
            chance.shuffle(order)
            for name in order:
                if self._over():
                    return
                yield name, self._guarded(whose, name, kinds[name]), chance
            if self._once:
                return

    def _guarded(self, whose: str, name: str, act: soak_faults.Act) -> soak_faults.Act:
        def guarded(site: SoakSite, mote: SoakMote, chance: random.Random) -> None:
            try:
                act(site, mote, chance)
                self._result.acted[name] += 1
            except Exception as error:
                self._result.failed.append(f"{whose}: {name}: {type(error).__name__}: {error}")

        return guarded


def _spread(sites: Sequence[SoakSite]) -> dict[str, dict[str, soak_faults.Act]]:
    """Each kind of fault for one of those who can have it, by the name of mote or broker."""
    motes = [mote for site in sites for mote in site.motes]
    shares: dict[str, dict[str, soak_faults.Act]] = {each.name: {} for each in motes} | {
        each.kind: {} for each in sites
    }

    def deal(kinds: dict[str, soak_faults.Act], names: list[str]) -> None:
        for name, act in kinds.items():
            shares[min(names, key=lambda each: len(shares[each]))][name] = act

    deal(soak_faults.OF_PACKETS, [mote.name for mote in motes if mote.clear])
    deal(soak_faults.OF_A_MOTE, [mote.name for mote in motes])
    deal(soak_faults.OF_A_SITE, [site.kind for site in sites])
    return shares


def _ms() -> int:
    return int(time.time() * 1000)


def run(
    brokers: Sequence[str], minutes: float, seed: int, folder: Path, *, once: bool = False, spread: bool = False,
    sample_ms: int = 400,
) -> Result:  # fmt: skip
    """Break what runs on `brokers` for so long, and account for every reading.

    With `once` everybody has every kind of fault that it can have once; with `spread` too, one of them has.
    KeyboardInterrupt ends the faults; what there was until then is delivered and accounted for.
    """
    result = Result()
    sites = [SoakSite(kind, folder / kind, seed, sample_ms) for kind in brokers]
    ended = threading.Event()
    end = float("inf")
    hand = _Hand(result, lambda: ended.is_set() or (not once and time.monotonic() > end), once)
    threads = []
    try:
        for site in sites:
            site.start()
        shares = _spread(sites)
        for site in sites:
            kinds = shares[site.kind] if spread else soak_faults.OF_A_SITE
            threads.append(threading.Thread(target=hand.on_site, args=(site, kinds, seed), daemon=True))
            for number, mote in enumerate(site.motes):
                kinds = shares[mote.name] if spread else soak_faults.of(mote)
                arguments = (site, mote, kinds, seed + number)
                threads.append(threading.Thread(target=hand.on_mote, args=arguments, daemon=True))
        begun = said = time.monotonic()
        end = begun + minutes * 60
        try:
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads):
                for site in sites:
                    for number, mote in enumerate(site.motes):
                        site.send(mote, number & 1)
                deadline = time.monotonic() + _COMMAND_S
                for thread in threads:
                    thread.join(max(0.0, deadline - time.monotonic()))
                interrupts.check()
                if time.monotonic() - said > _SAY_S:
                    said = time.monotonic()
                    heard = sum(mote.heard for site in sites for mote in site.motes)
                    _say(f"{said - begun:.0f} s, {sum(result.acted.values())} faults, {heard} records")
        except KeyboardInterrupt:
            result.interrupted = True
            _say("interrupted: the faults are taken away, and what waits is delivered")
            ended.set()
        for thread in threads:
            if thread.is_alive():
                thread.join()
        _say("no more faults; what waits is delivered, which takes some seconds")
        with interrupts.restored():
            interrupts.ignore()  # what was counted is to be shown
            for site in sites:
                _close_accounts(result, site)
    finally:
        ended.set()
        for site in sites:
            site.stop()
    return result


def _close_accounts(result: Result, site: SoakSite) -> None:
    """Let `site` deliver what it has, end it, and add to `result` what became of its readings."""
    until = site.drain()
    site.stop()
    found = site.account(until)
    result.accounts |= found
    result.gave_up += site.gave_up
    result.reported |= site.lost
    for (name, _), account in found.items():
        if account.total.reported > site.lost.get(name, 0):
            result.failed.append(f"{name}: the gateway reports fewer as lost than its numbers leave out")
    for mote in site.motes:
        result.sessions[mote.name] = mote.link.sessions
        result.commands[mote.name] = mote.done
        result.starts[mote.name] = (mote.mote.board.folder / "taken").read_text().count(" -1\n")


def every_byte(folder: Path) -> bool:
    """Cut sessions behind each byte; prints what came of it, and returns whether nothing was lost."""
    said, _ = reasons(SwiftBoard(folder, "every_byte", sample_ms=500).run(0, _SESSION_BYTES, 1))
    print("\n".join(said[-4:]))
    return said[-2:] == ["held", "status 0"]


def _say(words: str) -> None:
    """Say to whoever waits what goes on."""
    print(f"soak: {words}", file=sys.stderr, flush=True)


def _minutes(word: str) -> float:
    """A number of minutes above 0."""
    try:
        number = float(word)
    except ValueError:
        number = 0.0
    if not 0 < number < 100_000:
        raise argparse.ArgumentTypeError(f"{word!r} is not a number of minutes above 0")
    return number


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(
        prog="soak",
        description="Motes through random faults; what became of each reading. The last word is whether it held.",
        epilog="Every kind once, and every sixteenth byte of --every-byte, are among the tests that make test runs.",
    )
    parser.add_argument("--minutes", type=_minutes, default=10.0, help="how long faults go on [10]")
    parser.add_argument("--seed", type=int, default=20261121, help="what happens, and in which order [20261121]")
    parser.add_argument("--broker", choices=("nats", "mosquitto", "both"), default="both", help="on which [both]")
    parser.add_argument("--once", action="store_true", help="every kind of fault once, and no more")
    parser.add_argument("--keep", type=Path, help="a new folder for everything that was written; it holds keys")
    parser.add_argument("--every-byte", action="store_true", help="reset behind each byte of a session, and no more")
    found = parser.parse(words)
    if found.keep is not None and found.keep.exists():
        raise UsageError(f"--keep: {found.keep} is there; name a folder that is not")
    return found


def main(words: Sequence[str] | None = None) -> int:
    try:
        interrupts.hear()
        return _run(_options(words))
    except IronmoteError as error:
        _say(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        return interrupts.STATUS


def _run(options: argparse.Namespace) -> int:
    os.umask(0o077)  # what --keep leaves holds keys
    brokers = ("nats", "mosquitto") if options.broker == "both" else (options.broker,)
    with guard.temporary("ironmote-soak-") as scratch:
        if options.every_byte:
            return 0 if every_byte(scratch / "board") else 1
        how_long = "every kind of fault once" if options.once else f"{options.minutes:g} minutes"
        _say(f"{', '.join(brokers)}; {how_long}, seed {options.seed}; Ctrl-C ends it with what there was until then")
        result = run(brokers, options.minutes, options.seed, options.keep or scratch, once=options.once)
    print(f"soak: seed {options.seed}, {', '.join(brokers)}")
    print(result.words())
    if not result.held:
        return 1
    return interrupts.STATUS if result.interrupted else 0


if __name__ == "__main__":
    sys.exit(main())
