"""The demo as JSON lines, for scripts: one object a line on stdout and nothing else there."""

import json
import sys
from typing import Any, TextIO

from ..gateway import Event
from ..gateway.event_lines import EventLines, Told
from ..plain import plain
from .tap import Tap
from .watch import Watch


class JsonLines:
    """Prints what happens. Notes for people go to stderr."""

    def __init__(self, watch: Watch, out: TextIO | None = None) -> None:
        self._watch = watch
        self._out = out or sys.stdout
        self._lines = EventLines(self._told, watch.latest)

    def watch_links(self, taps: dict[str, Tap], title: str) -> None:
        """Links are for eyes."""

    def phase(self, text: str) -> None:
        """What the demo is doing now: of no interest to a script."""

    def note(self, text: str) -> None:
        """Something for people."""
        print(plain(text), file=sys.stderr)

    def dashboard(self, link: str) -> None:
        """Where the dashboard is."""
        self._print(event="dashboard", link=link)

    def sent(self, mote: str, name: str, value: float) -> None:
        """A command was sent; its line comes with its answer."""

    def attacked(self, mote: str, attack: str, result: str) -> None:
        """Something captured was sent again; what the gateway refuses has a line of its own."""
        self._print(event="attack", mote=mote, attack=attack, result=result)

    def event(self, event: Event) -> None:
        """Print the lines of an event, after the watch has counted it."""
        for line in self._lines.of(event):
            self._print(**line)

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

    def _told(self, mote_id: str) -> Told:
        mote = self._watch.motes[mote_id]
        return Told(mote.board, mote.channel, mote.why, mote.rules)

    def _print(self, **fields: Any) -> None:
        # ASCII: some readers take U+2028 or U+0085 for the end of a line.
        print(json.dumps(fields, allow_nan=False), file=self._out, flush=True)
