"""Python's own processes below a test say what they start and keep what they remove: see witnessing.py.

This folder is on their PYTHONPATH, so each of them runs this file before anything else.
"""

import contextlib
import json
import os
import sys

_WRITES = os.O_WRONLY | os.O_RDWR
_NOTES = os.environ.get("WITNESS_NOTES")


def _note(what, value):
    line = json.dumps([what, value], default=os.fsdecode) + "\n"
    descriptor = os.open(f"{_NOTES}/{os.getpid()}.notes", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def _keep(path, folder=None):
    """Note a file that is about to go, with its mode and what it holds."""
    with contextlib.suppress(OSError, ValueError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW, dir_fd=folder)
        try:
            name = os.readlink(f"/proc/self/fd/{descriptor}")
            if os.path.isfile(f"/proc/self/fd/{descriptor}"):
                data = b""
                while more := os.read(descriptor, 1 << 20):
                    data += more
                _note("gone", [name, os.fstat(descriptor).st_mode, data.hex()])
        finally:
            os.close(descriptor)


def _hear(event, arguments):
    if event in ("subprocess.Popen", "os.posix_spawn", "os.exec"):
        words = arguments[1]
        environment = arguments[3] if event == "subprocess.Popen" else arguments[2]
        given = os.environ if environment is None else environment
        _note("started", [[os.fsdecode(each) for each in words], [f"{name}={value}" for name, value in given.items()]])
    elif event == "os.system":
        _note("started", [[os.fsdecode(arguments[0])], []])
    elif event == "os.remove":
        _keep(arguments[0], arguments[1] if arguments[1] != -1 else None)
    elif event == "os.rename":
        _keep(arguments[1], arguments[3] if arguments[3] != -1 else None)  # what it takes the place of
    elif event == "open" and isinstance(arguments[0], (str, bytes)) and (arguments[2] or 0) & _WRITES:
        _note("written", os.path.abspath(os.fsdecode(arguments[0])))


_within = False


def _hook(event, arguments):
    global _within
    if _within or not _NOTES:
        return
    _within = True  # what is done here is nobody's
    try:
        _hear(event, arguments)
    finally:
        _within = False


if _NOTES:
    sys.addaudithook(_hook)
