"""Motes in bulk: added to the fleet together, then put onto boards one after another, each noted as it is done.

The report is the memory: who says the same again goes on with the motes that are not done. A board that fails costs its
mote nothing: it waits until the others are done.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mote import topics

from . import bulk_report, fleet_provision, mote_content
from .bulk_list import Row
from .bulk_report import DONE, FAILED, Line
from .errors import BoardError, IronmoteError
from .open_folder import OpenFolder
from .progress import Progress


class AnotherMote(BoardError):
    """The board is the mote `mote` of this fleet already."""

    def __init__(self, mote: str, wanted: str) -> None:
        super().__init__(
            f"this board is {mote} already, and runs when it is plugged in again; to make it another mote: "
            f"ironmote provision {wanted}"
        )
        self.mote = mote


class Bulk:
    """The motes of `rows`, all of them in the fleet afterwards; `lines` says how each is."""

    def __init__(self, held: OpenFolder, rows: Sequence[Row], report: Path) -> None:
        """Add those that the fleet has not, and read the report. Raises IronmoteError; then none was added.

        Or all were, and one is not ready to be put onto a board, as where the passphrase of its network is not known.
        """
        self._held = held
        self._report = report
        before = bulk_report.read(report)
        for row in rows:
            if row.id not in held.fleet.motes:
                held.add(row.id, row.board, row.text)
            if held.fleet.motes[row.id].board != row.board:
                raise IronmoteError(f"{row.id} is there already, and of the board {held.fleet.motes[row.id].board}")
        held.save()
        self.lines = [self._line(row, before) for row in rows]
        for line in self.waiting:
            mote_content.find(held, line.id)
        bulk_report.write(report, self.lines)

    @property
    def waiting(self) -> list[Line]:
        """The motes that are not done, those that failed last."""
        return sorted((each for each in self.lines if each.state != DONE), key=lambda each: each.state == FAILED)

    def provision(self, ports: Iterable[str], wait: Callable[[Line], None], progress: Progress) -> None:
        """Put a mote onto the board at each of `ports` until none waits; `wait` is told for whom a board is awaited.

        A board that was cut off as one of them goes on as that one; one that is another mote already stays so.
        """
        source = iter(ports)
        queue = self.waiting
        while queue:
            wait(queue[0])
            port = next(source, None)
            if port is None:
                return
            line = queue[0]
            try:
                done = self._one(line, port, progress)
            except AnotherMote as error:
                other = next((each for each in queue if each.id == error.mote), None)
                if other is None:
                    self._note(line, port, error, progress)
                    continue
                line, done = other, self._one(other, port, progress)
            queue.remove(line)
            if not done:
                queue.append(line)

    def _one(self, line: Line, port: str, progress: Progress) -> bool:
        begun = time.monotonic()

        def accept(before: Mapping[str, Any] | None) -> None:
            known = before is not None and before.get("fleet") == self._held.folder.file.id
            if before is not None and known and topics.is_id(before.get("mote")) and before["mote"] != line.id:
                raise AnotherMote(before["mote"], line.id)

        def phase(words: str) -> None:
            progress.phase(f"{line.id}: {words}")

        error = None
        try:
            done = fleet_provision.provision(self._held, line.id, port, phase, progress.step, accept)
            line.channel, line.generation = done.channel, done.generation
        except AnotherMote:
            raise
        except IronmoteError as failure:
            error = failure
        line.seconds = round(time.monotonic() - begun, 2)
        self._note(line, port, error, progress)
        return error is None

    def _note(self, line: Line, port: str, error: IronmoteError | None, progress: Progress) -> None:
        line.state, line.error = (DONE, "") if error is None else (FAILED, str(error))
        line.port, line.at = port, int(time.time())
        bulk_report.write(self._report, self.lines)
        progress.note(f"{line.id}: {line.error or 'done'}")

    def _line(self, row: Row, before: Mapping[str, Line]) -> Line:
        found = before.get(row.id)
        entry = self._held.entry(row.id)
        if found is None and entry.provisioned:  # and would lose its life there, were it put onto another
            return Line(row.id, row.board, DONE, entry.generation, entry.channel or "")
        if found is None or (found.state == DONE and not entry.provisioned):  # it was removed and added again
            return Line(row.id, row.board)
        return replace(found, board=row.board)
