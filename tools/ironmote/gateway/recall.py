"""What was known of each mote before the gateway started, from the history: shown until the mote is heard again."""

import contextlib
import logging
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..errors import IronmoteError
from ..history.reader import History
from .overview import Overview

_log = logging.getLogger(__name__)


@contextlib.contextmanager
def recalled(store: Path | str, motes: Iterable[str], overview: Overview) -> Iterator[None]:
    """Have `overview` shown what `store` has of `motes`; on a thread of its own, which nobody waits for."""
    ending = threading.Event()
    thread = threading.Thread(target=_recall, args=(store, list(motes), overview, ending), name="recall", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


def _recall(store: Path | str, motes: list[str], overview: Overview, ending: threading.Event) -> None:
    try:
        with History(store) as history:
            for mote in motes:
                if ending.is_set():
                    return
                overview.recall(mote, history.latest(mote), history.statuses(mote, 0.0, 1))
    except IronmoteError as error:  # then they are shown once they are heard
        _log.warning("what was known before is not shown: %s", error)
