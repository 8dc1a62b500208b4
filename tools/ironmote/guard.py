"""What is done even where ironmote is killed before it can do it: end its children, remove its secrets from /tmp.

A small process of its own reads a list from a pipe. When the pipe closes, because ironmote ended or was killed, it
kills every process group that is still on the list and removes every folder. (Linux's PR_SET_PDEATHSIG would not do:
it fires when the *thread* that started the child ends, and other systems do not have it.)
"""

import atexit
import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

_PROGRAM = """
import json, os, shutil, signal, sys, time
for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"):
    signal.signal(getattr(signal, name), signal.SIG_IGN)
kept = {"group": set(), "folder": set()}
for line in sys.stdin:
    kind, what, there = json.loads(line)
    (kept[kind].add if there else kept[kind].discard)(what)
for group in kept["group"]:
    try:
        os.killpg(group, signal.SIGKILL)
    except OSError:
        pass
for attempt in range(50):
    for folder in kept["folder"]:
        shutil.rmtree(folder, ignore_errors=True)
    if not any(map(os.path.exists, kept["folder"])):
        break
    time.sleep(0.1)
"""

_lock = threading.Lock()
_process: subprocess.Popen[bytes] | None = None
_kept: set[tuple[str, int | str]] = set()


def watch_group(group: int) -> None:
    """From here on this process group dies with ironmote."""
    _tell("group", group, True)


def forget_group(group: int) -> None:
    """The process group has ended."""
    _tell("group", group, False)


@contextlib.contextmanager
def temporary(prefix: str) -> Iterator[Path]:
    """A temporary folder that is removed afterwards, and does not outlive ironmote where there is no afterwards."""
    # Named before it is made: an interrupt may come as soon as it is there.
    folder = Path(tempfile.gettempdir()).resolve() / f"{prefix}{secrets.token_hex(8)}"
    try:
        folder.mkdir(0o700)
        _tell("folder", str(folder), True)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _tell("folder", str(folder), False)


def _tell(kind: str, what: int | str, there: bool) -> None:
    global _process
    if not hasattr(os, "killpg"):
        return
    with _lock:
        (_kept.add if there else _kept.discard)((kind, what))
        lines: list[tuple[str, int | str, bool]] = [(kind, what, there)]
        if _process is None or _process.poll() is not None:
            _process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _PROGRAM],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
            lines = [(*each, True) for each in _kept]
        if _process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                _process.stdin.write("".join(json.dumps(line) + "\n" for line in lines).encode())
                _process.stdin.flush()


@atexit.register
def _dismiss() -> None:
    """Close the pipe: the guard sees to what was forgotten, and ends."""
    with _lock:
        if _process is not None and _process.stdin is not None:
            with contextlib.suppress(OSError):
                _process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                _process.wait(2)
