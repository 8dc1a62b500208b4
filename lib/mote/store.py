"""Files on the board's own file system: the only module that opens one."""

import os


def read(path, limit):
    """Return the bytes of the file at `path`, or None where there is no such file.

    Raises ValueError where the file is larger than `limit` bytes: no memory is taken for it.
    """
    try:
        size = os.stat(path)[6]
    except OSError:
        return None
    if size > limit:
        raise ValueError("%s: %d bytes, more than %d" % (path, size, limit))
    with open(path, "rb") as file:
        return file.read(size)


def write(path, data):
    """Write `data` as the file `path`, whole or not at all: a temporary file, synced, renamed, synced.

    Where the port has no `os.sync` closing a file and renaming it is enough: LittleFS syncs on both.
    """
    part = path + ".part"
    with open(part, "wb") as file:
        file.write(data)
        file.flush()
    _sync()
    os.rename(part, path)
    _sync()


def _sync():
    if hasattr(os, "sync"):
        os.sync()


def make_folder(path):
    """Make the folder `path` unless it is there."""
    try:
        os.mkdir(path)
    except OSError:
        os.stat(path)  # raises where it is not a folder that exists but one that cannot be made
