"""Child processes that never outlive ironmote.

Each child leads a process group of its own, so Ctrl-C reaches ironmote alone, which then ends its children in order.
Should ironmote be killed before it can do so, the guard does it.
"""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from . import guard


def spawn(
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    output: int | IO[bytes] | None = subprocess.DEVNULL,
    source: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start `argv`, its stdin `source`, its stdout and stderr both going to `output`; end it with `end`.

    OSError when it cannot start.
    """
    child = subprocess.Popen(
        list(argv),
        cwd=cwd,
        env=dict(env) if env is not None else None,
        stdin=source,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    guard.watch_group(child.pid)
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
    guard.forget_group(child.pid)
    return status


def _signal_group(child: subprocess.Popen[bytes], number: int) -> None:
    if not hasattr(os, "killpg"):
        child.terminate()
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


def how_it_ended(status: int) -> str:
    """An exit status in words: "killed by SIGKILL", "ended with status 2"."""
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"
