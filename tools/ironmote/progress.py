"""How far a board is, on stderr: a bar where that is a terminal, a line a phase where it is not."""

import sys

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bars

from .plain import plain


class Progress:
    """One thing that is done in phases, some of them in steps; or `many` such things. Use it with `with`."""

    def __init__(self, many: int | None = None) -> None:
        self._terminal = sys.stderr.isatty()
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[what]}"))
        self._bars = Bars(*columns, console=Console(stderr=True), transient=True, disable=not self._terminal)
        self._all = None if many is None else self._bars.add_task("all", total=many, what="")
        self._task = self._bars.add_task("", total=None, what="")

    def __enter__(self) -> "Progress":
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def overall(self, done: int) -> None:
        """So many of the many things are done."""
        if self._all is not None:
            self._bars.update(self._all, completed=done, what=f"{done} done")

    def phase(self, words: str) -> None:
        """Something else is done from here on."""
        self._bars.update(self._task, description=words, total=None, completed=0, what="")
        if not self._terminal:
            print(f"{plain(words)} …", file=sys.stderr, flush=True)

    def step(self, done: int, count: int, what: str = "") -> None:
        """`done` of `count` steps of the phase are done; `what` comes next."""
        self._bars.update(self._task, total=count, completed=done, what=plain(what))

    def note(self, words: str) -> None:
        """A line that stays."""
        if self._terminal:
            self._bars.console.print(plain(words), markup=False, highlight=False)
        else:
            print(plain(words), file=sys.stderr, flush=True)
