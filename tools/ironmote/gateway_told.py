"""What commands that change a fleet have to do with the gateway that runs on this machine: tell it, and wait for it."""

import contextlib
import queue
import time
from collections.abc import Callable

from . import interrupts
from .errors import IronmoteError
from .fleet_paths import Paths
from .gateway.event_lines import Line
from .gateway.owner_line import GONE, NoGateway, OwnerLine

_LOOK_S = 0.2
AT_WORK, THERE = "at work", "there"  # what is known of a mote that was waited for
NONE_RUNS = "none runs here; one that starts with this fleet knows it"


def tell(paths: Paths) -> str:
    """Have the gateway that runs here serve the fleet as it is now; says, for a person, what became of that."""
    try:
        OwnerLine(paths.line).refresh()
    except NoGateway:
        return NONE_RUNS
    except IronmoteError as error:
        return f"does not know it yet: {error}"
    return "told"


class Hearing:
    """What the gateway that runs here tells from now on. Use it with `with`; raises NoGateway where none runs."""

    def __init__(self, paths: Paths) -> None:
        self._lines: queue.SimpleQueue[Line] = queue.SimpleQueue()
        self._end = OwnerLine(paths.line).follow(self._lines.put)

    def __enter__(self) -> "Hearing":
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def forget(self) -> None:
        """Leave out what was told until now."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._lines.get_nowait()

    def wait_for_mote(self, mote: str, within_s: float, measures: bool) -> str | None:
        """AT_WORK once a reading of `mote` came, or where it `measures` nothing, once it was heard.

        THERE where it was heard, and no reading came in time; None where it was not. Raises as `wait` does.
        """
        heard = False

        def wanted(line: Line) -> bool:
            nonlocal heard
            if line.get("mote") != mote:
                return False
            heard = heard or (line["event"] == "state" and bool(line.get("online")))
            return line["event"] == "reading" or (heard and not measures)

        if self.wait(wanted, within_s) is not None:
            return AT_WORK
        return THERE if heard else None

    def wait(self, wanted: Callable[[Line], bool], within_s: float) -> Line | None:
        """The first line that is `wanted`, None where none came in time. Raises IronmoteError if the gateway ends."""
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            interrupts.check()
            with contextlib.suppress(queue.Empty):
                line = self._lines.get(timeout=_LOOK_S)
                if line["event"] == GONE:
                    raise IronmoteError(f"{line['why']}; ironmote gateway starts it")
                if wanted(line):
                    return line
        return None
