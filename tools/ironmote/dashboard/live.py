"""The owner's line, as pages are told of it: what came last of each reading, what happened, and what is new."""

import threading
import time
from collections import OrderedDict, deque
from typing import Any

from ..errors import IronmoteError
from ..gateway.owner import Owner

Line = dict[str, Any]
_POINTS = 60  # of each reading, for the small lines of tiles
_SERIES = 20_000
_RECORDS = 12  # opened records of a mote, for what is shown beside the wire
_MOTES = 2_000
_FEED = 300
_WAITING = 5_000  # lines for one page; one that is further behind begins anew
_CROWD = 400  # lines at a time from which on only the last value of each reading is told
_AGAIN_S = 2.0  # until the gateway is looked for again
GONE = "gone"  # the last line where the gateway went
_COMMANDED_S = 3.0  # after which a switch that is told is no command's any more
_QUIET = ("reading", "state", "channel")  # what is no news


class Page:
    """What one open page has not been told yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: list[Line] = []
        self._behind = False

    def put(self, line: Line) -> None:
        """Remember a line for the page."""
        with self._lock:
            if len(self._lines) >= _WAITING:
                self._lines, self._behind = [], True
            self._lines.append(line)

    def take(self) -> tuple[list[Line], bool]:
        """What is new, and whether the page was so far behind that something is missing."""
        with self._lock:
            lines, behind = self._lines, self._behind
            self._lines, self._behind = [], False
        return (lines if len(lines) <= _CROWD else _thinned(lines)), behind


class Live:
    """Follows `owner` from its making to `close`. Any thread may ask."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._lock = threading.Lock()
        self._series: OrderedDict[tuple[str, str], deque[tuple[float, Any]]] = OrderedDict()
        self._opened: OrderedDict[str, OrderedDict[tuple[int, int], list[Line]]] = OrderedDict()
        self._feed: deque[Line] = deque(maxlen=_FEED)
        self._number = 0
        self._commanded: dict[tuple[Any, Any], float] = {}
        self._pages: set[Page] = set()
        self._seconds: deque[list[int]] = deque(maxlen=60)  # the last in which there were readings, and how many
        self._away = ""
        self._ending = False
        self._turn = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="live", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        self._ending = True
        self._turn.set()
        self._thread.join()

    @property
    def away(self) -> str:
        """Why the gateway is not heard, empty where it is."""
        return self._away

    def open(self) -> Page:
        """A page that is told from here on what is new."""
        page = Page()
        with self._lock:
            self._pages.add(page)
        return page

    def shut(self, page: Page) -> None:
        """The page is told nothing more."""
        with self._lock:
            self._pages.discard(page)

    def series(self) -> dict[str, dict[str, list[tuple[float, Any]]]]:
        """The last values of every reading, as pairs of time and value, by mote and name."""
        found: dict[str, dict[str, list[tuple[float, Any]]]] = {}
        with self._lock:
            for (mote, name), points in self._series.items():
                found.setdefault(mote, {})[name] = list(points)
        return found

    @property
    def rate(self) -> int:
        """How many readings came in the last minute."""
        with self._lock:
            return sum(count for second, count in self._seconds if second > time.monotonic() - 60)

    def feed(self) -> list[Line]:
        """What happened, newest last."""
        with self._lock:
            return list(self._feed)

    def opened(self, mote: str, record: tuple[int, int]) -> list[Line]:
        """The readings of a record that came lately; none where it is no longer known."""
        with self._lock:
            records = self._opened.get(mote)
            return [] if records is None else list(records.get(record, ()))

    def asked(self, mote: str, name: str, within_s: float) -> None:
        """A command is sent, so its switch may be told before its answer is."""
        with self._lock:
            self._command(mote, name, within_s)

    def tell(self, line: Line) -> None:
        """Tell every page something of the dashboard's own."""
        with self._lock:
            if line.get("event") == "alert":
                line = self._numbered(line)
            self._put(line)

    def _follow(self) -> None:
        """Stay with the gateway, through its restarts."""
        while not self._ending:
            try:
                self._turn.clear()
                if self._ending:
                    return
                end = self._owner.follow(self._hear)
            except (IronmoteError, OSError) as error:
                self._say_away(str(error))
                self._turn.wait(_AGAIN_S)
                continue
            self._say_away("")
            self._turn.wait()
            end()

    def _say_away(self, why: str) -> None:
        if why != self._away:
            self._away = why
            self.tell({"event": "gateway", "away": why})

    def _hear(self, line: Line) -> None:
        """Take a line of the owner's; on the gateway's thread, so without any work that waits."""
        if line.get("event") == GONE:
            self._say_away(str(line.get("why")))
            self._turn.set()
            return
        with self._lock:
            if line.get("event") == "reading":
                self._reading(line)
            elif line.get("event") not in _QUIET and not self._was_commanded(line):
                line = self._numbered(line)
            self._put(line)

    def _was_commanded(self, line: Line) -> bool:
        """True where a rule's actuator is told to have switched, and it was a command that has switched it."""
        mote = line.get("mote")
        if line.get("event") == "command":
            self._command(mote, line.get("command"), _COMMANDED_S)
        until = self._commanded.get((mote, line.get("name")), 0.0)
        return line.get("event") == "switch" and time.monotonic() < until

    def _command(self, mote: Any, name: Any, lasts_s: float) -> None:
        now = time.monotonic()
        self._commanded = {key: until for key, until in self._commanded.items() if now < until}
        self._commanded[mote, name] = now + lasts_s

    def _put(self, line: Line) -> None:
        for page in self._pages:
            page.put(line)

    def _reading(self, line: Line) -> None:
        mote, name, second = str(line["mote"]), str(line["name"]), int(time.monotonic())
        if not self._seconds or self._seconds[-1][0] != second:
            self._seconds.append([second, 0])
        self._seconds[-1][1] += 1
        self._points(mote, name).append((line["time"], line["value"]))
        record = line.get("record")
        if record:
            records = self._opened.setdefault(mote, OrderedDict())
            records.setdefault((record[0], record[1]), []).append(line)
            while len(records) > _RECORDS:
                records.popitem(last=False)
            self._opened.move_to_end(mote)
            while len(self._opened) > _MOTES:
                self._opened.popitem(last=False)

    def _points(self, mote: str, name: str) -> deque[tuple[float, Any]]:
        points = self._series.setdefault((mote, name), deque(maxlen=_POINTS))
        self._series.move_to_end((mote, name))
        while len(self._series) > _SERIES:
            self._series.popitem(last=False)
        return points

    def _numbered(self, line: Line) -> Line:
        """What happened, remembered; an alert that goes on takes the place of what was said of it before."""
        self._number += 1
        line = {"time": round(time.time(), 3), **line, "number": self._number}
        if line.get("event") == "alert":
            for each in self._feed:
                if each.get("event") == "alert" and each.get("id") == line.get("id"):
                    self._feed.remove(each)
                    break
        self._feed.append(line)
        return line


def _thinned(lines: list[Line]) -> list[Line]:
    """The lines without readings that newer ones of the same name follow."""
    last = {(line["mote"], line["name"]): at for at, line in enumerate(lines) if line.get("event") == "reading"}
    keep = set(last.values())
    return [line for at, line in enumerate(lines) if line.get("event") != "reading" or at in keep]
