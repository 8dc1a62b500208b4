"""How many CONNECTs were refused, by mote and reason: a small file beside the counters, for whoever makes alerts.

    {"began": 1795218308.2, "refused": [["cellar", "this token, or a later one, was used before", 3], …]}

It holds counts since this process began, and no secret. A stranger can make a number grow, and nothing else: names are
those of the roster ("" is everybody else), reasons are our own words, and it is written at most every `_EACH_S`.
"""

import json
import logging
import os
import threading
import time
from collections import Counter
from pathlib import Path

from .. import durable

_EACH_S = 2.0
_MOST = 1000  # pairs of a mote and a reason; the rest are counted as everybody's
_LIMIT = 2**20
_SUFFIX = ".refused.json"
_OTHER = "for still other reasons"
_log = logging.getLogger(__name__)


class Tally:
    """Counts; one for each process, in a file of its own. Any thread may use it."""

    def __init__(self, state: Path) -> None:
        """Beside the file of counters at `state`."""
        self._path = state.with_name(f"{state.name}.{os.getpid()}{_SUFFIX}")
        self._began = time.time()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._write, name="tally", daemon=True)

    def start(self) -> None:
        """Begin to write; files that earlier processes left are removed."""
        for old in self._path.parent.glob(f"{self._path.name.rsplit('.', 3)[0]}.*{_SUFFIX}"):
            if not _runs(old):
                old.unlink(missing_ok=True)
        self._thread.start()

    def stop(self) -> None:
        """End, and leave nothing behind."""
        self._ending.set()
        self._changed.set()
        self._thread.join()
        self._path.unlink(missing_ok=True)

    def refused(self, mote: str, why: str) -> None:
        """Count one; `mote` is "" for whoever is not on the roster."""
        with self._lock:
            pair = (mote, why)
            if pair not in self._counts and len(self._counts) >= _MOST:
                pair = ("", _OTHER)
            self._counts[pair] += 1
        self._changed.set()

    def _write(self) -> None:
        while not self._ending.is_set():
            self._changed.wait()
            self._changed.clear()
            with self._lock:
                found = [[mote, why, times] for (mote, why), times in self._counts.items()]
            try:
                durable.replace(self._path, json.dumps({"began": self._began, "refused": found}))
            except OSError as error:
                _log.warning("%s cannot be written: %s", self._path, error.strerror)
            self._ending.wait(_EACH_S)


class Tallies:
    """The files of all authenticators of a broker, read again and again: `more` gives what has been added."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[Path, tuple[float, Counter[tuple[str, str]]]] = {}

    def more(self) -> Counter[tuple[str, str]]:
        """How many were refused since this was asked last, by mote and reason; at first all that there are."""
        added: Counter[tuple[str, str]] = Counter()
        paths = sorted(self._folder.glob(f"*{_SUFFIX}")) if self._folder.is_dir() else []
        for gone in set(self._known) - set(paths):
            del self._known[gone]
        for path in paths:
            began, counts = _read(path)
            known = self._known.get(path)
            added += counts - (known[1] if known is not None and known[0] == began else Counter())
            self._known[path] = began, counts
        return added


def _read(path: Path) -> tuple[float, Counter[tuple[str, str]]]:
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(_LIMIT))
        return float(found["began"]), Counter({(str(mote), str(why)): int(n) for mote, why, n in found["refused"]})
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0, Counter()


def _runs(path: Path) -> bool:
    """True where the process that wrote the file is there still."""
    try:
        os.kill(int(path.name.removesuffix(_SUFFIX).rpartition(".")[2]), 0)
    except (ValueError, ProcessLookupError):
        return False
    except OSError:
        return True
    return True
