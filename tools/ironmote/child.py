"""Child processes that never outlive ironmote.

Each child leads a process group of its own, so Ctrl-C reaches ironmote alone, which then ends its children in order.
Should ironmote be killed before it can do so, a small guard process notices that its pipe has closed and kills
every group that is still on its list. (Linux's PR_SET_PDEATHSIG would not do: it fires when the *thread* that
started the child ends, and other systems do not have it.)
"""

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

_GUARD = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
groups = set()
for line in sys.stdin:
    (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
for group in groups:
    try:
        os.killpg(group, signal.SIGKILL)
    except OSError:
        pass
"""

_lock = threading.Lock()
_guard: subprocess.Popen[bytes] | None = None
_groups: set[int] = set()


def spawn(
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    output: int | IO[bytes] | None = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start `argv`, its stdout and stderr both going to `output`; end it with `end`. OSError when it cannot start."""
    child = subprocess.Popen(
        list(argv),
        cwd=cwd,
        env=dict(env) if env is not None else None,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    _remember(child.pid, True)
    return child


def end(child: subprocess.Popen[bytes], grace_s: float = 3.0) -> int:
    """Ask the child to end, kill its whole group after `grace_s` seconds, and give its exit status back."""
    if child.poll() is None and grace_s > 0:
        _signal_group(child, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(grace_s)
    return forget(child)


def forget(child: subprocess.Popen[bytes]) -> int:
    """Kill what is left of the child's group and take it off the guard's list; gives the child's exit status."""
    _signal_group(child, getattr(signal, "SIGKILL", signal.SIGTERM))
    status = child.wait()
    _remember(child.pid, False)
    return status


def _signal_group(child: subprocess.Popen[bytes], number: int) -> None:
    if not hasattr(os, "killpg"):
        child.terminate()
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


def _remember(group: int, alive: bool) -> None:
    global _guard
    if not hasattr(os, "killpg"):
        return
    with _lock:
        (_groups.add if alive else _groups.discard)(group)
        lines = [f"{'+' if alive else '-'}{group}\n"]
        if _guard is None or _guard.poll() is not None:
            _guard = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _GUARD],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
            lines = [f"+{each}\n" for each in _groups]
        if _guard.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                _guard.stdin.write("".join(lines).encode())
                _guard.stdin.flush()


@atexit.register
def _dismiss_guard() -> None:
    """Close the pipe: the guard kills what was forgotten, and ends."""
    with _lock:
        if _guard is not None and _guard.stdin is not None:
            with contextlib.suppress(OSError):
                _guard.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                _guard.wait(2)
