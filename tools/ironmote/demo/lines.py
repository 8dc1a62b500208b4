"""The demo as JSON lines, for scripts: one object a line on stdout and nothing else there."""

import json
import sys
from dataclasses import asdict
from typing import Any, TextIO

from ..gateway import CommandEnded, Event, MessageRefused, RecordSeen, RecordsMayBeMissing, StateSeen
from ..plain import plain
from .tap import Tap
from .watch import ANSWERS, Watch


class JsonLines:
    """Prints what happens. Notes for people go to stderr."""

    def __init__(self, watch: Watch, out: TextIO | None = None) -> None:
        self._watch = watch
        self._out = out or sys.stdout
        self._channels: set[str] = set()

    def watch_links(self, taps: dict[str, Tap], title: str) -> None:
        """Links are for eyes."""

    def phase(self, text: str) -> None:
        """What the demo is doing now: of no interest to a script."""

    def note(self, text: str) -> None:
        """Something for people."""
        print(plain(text), file=sys.stderr)

    def sent(self, mote: str, name: str, value: float) -> None:
        """A command was sent; its line comes with its answer."""

    def attacked(self, mote: str, attack: str, result: str) -> None:
        """Something captured was sent again; what the gateway refuses has a line of its own."""
        self._print(event="attack", mote=mote, attack=attack, result=result)

    def event(self, event: Event) -> None:
        """Print the lines of an event, after the watch has counted it."""
        if isinstance(event, StateSeen):
            self._channel(event.mote)
            told = {name: value for name, value in asdict(event.state).items() if value not in (None, "", ())}
            self._print(event="state", mote=event.mote, **told)
        elif isinstance(event, RecordSeen):
            self._channel(event.mote)
            for reading in event.readings:
                taken = reading.time if reading.time is not None else event.taken
                self._print(
                    event="reading",
                    mote=event.mote,
                    name=reading.name,
                    unit=reading.unit,
                    value=reading.value,
                    time=taken if taken is not None else round(event.arrived, 3),
                    channel=event.channel,
                )
            for switch in self._watch.switches(event):
                self._print(event="switch", mote=event.mote, **asdict(switch))
        elif isinstance(event, RecordsMayBeMissing):
            self._print(event="missing", mote=event.mote, boot=event.boot, after=event.after, until=event.until)
        elif isinstance(event, MessageRefused):
            self._print(event="refused", mote=event.mote, why=event.why)
        elif isinstance(event, CommandEnded) and event.result in ANSWERS:
            self._print(
                event="command", mote=event.mote, command=event.name, result=event.result, ms=round(event.ms, 1)
            )

    def refresh(self) -> None:
        """Nothing to draw."""

    def finish(self, lost: dict[str, int]) -> None:
        """Print the summary."""
        motes = {
            mote.id: {
                "board": mote.board,
                "channel": mote.channel,
                "readings": mote.readings,
                "records": mote.records,
                "refused": mote.refused,
                "lost": lost.get(mote.id, 0),
                "commands": mote.commands,
            }
            for mote in self._watch.motes.values()
        }
        self._print(
            event="summary",
            motes=motes,
            readings=self._watch.readings,
            refused=self._watch.refused,
            lost=sum(lost.values()),
        )

    def close(self) -> None:
        """Nothing is held."""

    def _channel(self, mote_id: str) -> None:
        """Say once which channel a mote is on, as it says itself; a record that came first says it for the fleet."""
        if mote_id in self._channels:
            return
        self._channels.add(mote_id)
        mote = self._watch.motes[mote_id]
        self._print(event="channel", mote=mote.id, board=mote.board, channel=mote.channel, why=mote.why)

    def _print(self, **fields: Any) -> None:
        # ASCII: some readers take U+2028 or U+0085 for the end of a line.
        print(json.dumps(fields, allow_nan=False), file=self._out, flush=True)
