"""The demo itself: motes are switched on, heard, commanded, perhaps attacked, and what came of it is judged."""

import contextlib
import queue
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from mote.channel import AUTO

from .. import interrupts
from ..errors import IronmoteError
from ..gateway import Event
from ..simulate import SimulatedMote
from . import attack, replay
from .lines import JsonLines
from .motes import DIMMER
from .screen import Screen
from .served import served
from .stage import Stage, set_up
from .tap import Tap
from .watch import MoteWatch, Watch

_TURN_S = 0.1
_BEFORE_COMMAND_S = 2.0
_COMMAND_WITHIN_S = 15.0
_BEFORE_ATTACK_S = 2.0
_QUIET_S = 3.0
_STALLED_S = 60.0
_RESTARTS_UNHEARD = 3


class DemoFailed(IronmoteError):
    """The demo ran to its end, and not everything was heard or answered."""


@dataclass(frozen=True)
class Options:
    """What the command line asks for. Times are seconds; `seconds` None means until interrupted."""

    seconds: float | None = None
    json: bool = False
    replay: Path | None = None
    broker: str = "nats"
    channel: str = AUTO
    motes: int = 2
    every: float | None = None
    attack: bool = False
    keep: Path | None = None
    picture: Path | None = None
    verbose: bool = False
    dashboard: bool = False


class Face(Protocol):
    """How the demo shows itself: Screen or JsonLines."""

    def watch_links(self, taps: dict[str, Tap], title: str) -> None: ...
    def phase(self, text: str) -> None: ...
    def note(self, text: str) -> None: ...
    def dashboard(self, link: str) -> None: ...
    def sent(self, mote: str, name: str, value: float) -> None: ...
    def attacked(self, mote: str, attack: str, result: str) -> None: ...
    def event(self, event: Event) -> None: ...
    def refresh(self) -> None: ...
    def finish(self, lost: dict[str, int]) -> None: ...
    def close(self) -> None: ...


@dataclass(frozen=True)
class _Line:
    mote: str
    text: str


_Happening: TypeAlias = Event | _Line


def run_demo(options: Options) -> int:
    """Run the demo; returns the exit status. IronmoteError where something failed, in one line."""
    if options.picture is not None and options.json:
        raise IronmoteError("--picture draws the live table, which --json replaces; leave one of them out")
    rows = replay.load(options.replay) if options.replay is not None else None
    every = options.every or (0.25 if rows else 1.0)
    happenings: queue.Queue[_Happening] = queue.Queue()
    watch = Watch([])
    face: Face = JsonLines(watch) if options.json else Screen(watch, {}, f"on {options.broker}", options.picture)
    with (
        _place_for(options.picture),
        contextlib.closing(face),
        set_up(
            count=options.motes,
            broker=options.broker,
            wanted=options.channel,
            keep=options.keep,
            sample_s=every,
            rows=(lambda path: replay.write(rows, path)) if rows else None,
            on_phase=face.phase,
            on_event=happenings.put,
            on_line=lambda mote, text: happenings.put(_Line(mote, text)),
        ) as stage,
        contextlib.ExitStack() as stack,
    ):
        for mote in stage.fleet.motes.values():
            watch.motes[mote.id] = MoteWatch(
                mote.id,
                mote.board,
                mote.channel or "",
                mote.why,
                frozenset(each["name"] for each in mote.actuators),
                {rule["actuator"]: rule for rule in mote.rules},
            )
        face.watch_links(stage.taps, f"on {stage.broker.name}")
        if options.dashboard:
            stack.enter_context(served(stage, face.note, face.dashboard))
        play = Play(options, stage, watch, face, happenings, len(rows) if rows else None)
        interrupted = False
        try:
            play.run()
        except KeyboardInterrupt:
            interrupted = True
        finally:
            play.end()  # where a part died too: what was seen until then is told
    if options.keep is not None:
        face.note(f"{options.keep} holds keys, passwords and readings: keep it to yourself, or remove it")
    return play.verdict(interrupted)


@contextlib.contextmanager
def _place_for(picture: Path | None) -> Iterator[None]:
    """Raise IronmoteError where `picture` cannot be written: now, and not after the show. Leaves no empty file."""
    if picture is None:
        yield
        return
    try:
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.open("ab").close()
    except OSError as error:
        raise IronmoteError(f"{picture} cannot be written: {error.strerror}") from error
    try:
        yield
    finally:
        if picture.is_file() and picture.stat().st_size == 0:
            picture.unlink()


class Play:
    """One run, from switching the motes on to the last line."""

    def __init__(
        self,
        options: Options,
        stage: Stage,
        watch: Watch,
        face: Face,
        happenings: "queue.Queue[_Happening]",
        rows: int | None,
    ) -> None:
        self._options = options
        self._stage = stage
        self._watch = watch
        self._face = face
        self._happenings = happenings
        self._rows = rows
        self._answered_at: float | None = None
        self._attacked = False

    def run(self) -> None:
        """Switch the motes on and let everything happen until it is time to end."""
        self._face.phase("motes are starting")
        for name, mote in self._stage.motes.items():
            self._watch.motes[name].started_at = time.monotonic()
            mote.start()
        began = time.monotonic()
        while True:
            self._take(_TURN_S)
            interrupts.check()
            self._stage.check()
            self._check_motes()
            self._command()
            if self._options.attack and not self._attacked:
                self._attack()
            self._face.refresh()
            now = time.monotonic()
            if self._options.seconds is not None and now - began >= self._options.seconds:
                return
            if self._rows is not None and self._delivered(now):
                return

    def end(self) -> None:
        """Stop the gateway, take what it still had, and show the end."""
        self._stage.gateway.stop()
        self._take(0)
        if self._options.attack and not self._attacked:
            self._face.note("there was no time for the attack; it comes a while after the last answer")
        if self._options.verbose:
            for line in self._report():
                self._face.note(line)
        lost = self._stage.gateway.lost
        self._face.finish({name: lost.get(name, 0) for name in self._watch.motes})

    def verdict(self, interrupted: bool) -> int:
        """The exit status: 0 where every mote was heard and every command answered. Raises DemoFailed else."""
        silent = [mote.id for mote in self._watch.motes.values() if mote.heard_at is None]
        unanswered = [mote.id for mote in self._watch.motes.values() if not mote.answered]
        if not silent and not unanswered:
            return 0
        if interrupted:
            return interrupts.STATUS
        if silent:
            words = [f"{name} was never heard ({_last_words(self._stage.motes[name])})" for name in silent]
            raise DemoFailed("; ".join(words))
        raise DemoFailed("; ".join(f"{name} did not answer its command" for name in unanswered))

    def _take(self, wait_s: float) -> None:
        """Take what has happened, waiting up to `wait_s` for the first of it."""
        with contextlib.suppress(queue.Empty):
            happening = self._happenings.get(timeout=wait_s) if wait_s else self._happenings.get_nowait()
            while True:
                if isinstance(happening, _Line):
                    if self._options.verbose:
                        self._face.note(f"{happening.mote}| {happening.text}")
                else:
                    self._watch.take(happening)
                    self._face.event(happening)
                happening = self._happenings.get_nowait()

    def _command(self) -> None:
        """Send each mote that was heard for a while one command."""
        now = time.monotonic()
        for index, mote in enumerate(self._watch.motes.values()):
            if mote.order is None and mote.heard_at is not None and now - mote.heard_at > _BEFORE_COMMAND_S:
                value = 40 + 25 * (index % 3)
                mote.order = self._stage.gateway.send(mote.id, DIMMER, value, _COMMAND_WITHIN_S)
                self._face.sent(mote.id, DIMMER, value)
        if self._answered_at is None and self._watch.all_answered:
            self._answered_at = now
        if self._watch.all_heard:
            self._face.phase("every mote is heard" if self._rows is None else self._progress())

    def _check_motes(self) -> None:
        """Raise DemoFailed where a mote lives and yet will not deliver: it restarts for ever, or has fallen silent."""
        now = time.monotonic()
        for mote in self._watch.motes.values():
            board = self._stage.motes[mote.id]
            if mote.heard_at is None and board.restarts >= _RESTARTS_UNHEARD:
                raise DemoFailed(f"{mote.id} died: {board.restarts} restarts and never a word; {_last_words(board)}")
            last = mote.last_at or mote.started_at or now
            if self._rows is not None and mote.samples < self._rows and now - last > _STALLED_S:
                raise DemoFailed(
                    f"{mote.id} delivered {mote.samples} of {self._rows} rows and then nothing for "
                    f"{_STALLED_S:.0f} s; {_last_words(board)}"
                )

    def _progress(self) -> str:
        done = min(mote.samples for mote in self._watch.motes.values())
        return f"replaying {self._options.replay}: row {min(done, self._rows or 0)} of {self._rows}"

    def _delivered(self, now: float) -> bool:
        """True when every mote has delivered all rows of the recording, or what it will ever deliver of them."""
        rows = self._rows or 0
        for mote in self._watch.motes.values():
            quiet = mote.last_at is not None and now - mote.last_at > _QUIET_S
            others = mote.records - mote.samples  # which have numbers too
            if mote.samples < rows and not (mote.highest - others >= rows and quiet):
                return False
        return self._watch.all_answered or self._answers_overdue(now)

    def _answers_overdue(self, now: float) -> bool:
        limit = _BEFORE_COMMAND_S + _COMMAND_WITHIN_S + 1
        return all(mote.heard_at is not None and now - mote.heard_at > limit for mote in self._watch.motes.values())

    def _attack(self) -> None:
        """Once all is calm: replay what was captured, as anyone on the clear link could."""
        if self._answered_at is None or time.monotonic() - self._answered_at < _BEFORE_ATTACK_S:
            return
        self._attacked = True
        for name, tap in self._clear_links():
            connect, publish = tap.opening, attack.recorded(tap.captured())
            if connect is None or publish is None:
                continue
            if attack.replay(self._stage.broker.clear, connect.data, publish):
                self._face.attacked(name, "a captured CONNECT and record are sent again", "let in by the broker")
                return
            self._face.attacked(name, "a captured CONNECT is sent again", "refused by the broker")
            self._stage.tapped.inject(tap, publish)
            self._face.attacked(name, "a captured record is slipped into the mote's session", "taken by the broker")
            return
        self._face.note("no mote speaks in the clear here: nothing to replay")

    def _clear_links(self) -> Iterator[tuple[str, Tap]]:
        for mote in self._stage.fleet.clear():
            yield mote.id, self._stage.taps[mote.id]

    def _report(self) -> Iterator[str]:
        for name, mote in self._watch.motes.items():
            board = self._stage.motes[name]
            startup = f"{mote.startup_s:.2f} s" if mote.startup_s is not None else "never"
            heap = board.profile.simulated_heap_bytes
            free = f"{mote.free:,}" if mote.free is not None else "?"
            yield (
                f"{name} ({mote.board}): power on to first verified reading {startup}; "
                f"{board.flash_bytes:,} bytes on the board and {board.frozen_bytes:,} bytes frozen in its image; "
                f"heap {free} of {heap:,} bytes free as it reports, the rest being objects, all code and the "
                f"simulation's own part; "
                f"{board.restarts} restarts; {mote.records} records"
            )


def _last_words(board: SimulatedMote) -> str:
    lines = [line for line in board.console if line.strip()]
    return f"its console ends with: {lines[-1].strip()}" if lines else "its console is empty"
