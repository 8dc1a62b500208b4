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


def reader(path):
    """Return the file at `path`, open for reading, to be used with `with`. Raises OSError."""
    return open(path, "rb")


def size(path):
    """Return how many bytes the file at `path` has. Raises OSError."""
    return os.stat(path)[6]


def write(path, data):
    """Write `data` as the file `path`, whole or not at all, as `write_pieces` does. Raises OSError."""
    write_pieces(path, (data,))


def write_pieces(path, pieces):
    """Write `pieces`, an iterable of bytes that need never all be in memory, as the file `path`, whole or not at all.

    A temporary file, synced, renamed, synced. Where the port has no `os.sync` closing a file and renaming it is enough:
    LittleFS syncs on both. Raises OSError.
    """
    part = path + ".part"
    try:
        with open(part, "wb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
    except OSError:
        try:
            os.remove(part)  # the room that it took is wanted
        except OSError:
            pass
        raise
    _sync()
    os.rename(part, path)
    _sync()


def _sync():
    if hasattr(os, "sync"):
        os.sync()


def remove(path):
    """Remove the file at `path`. Raises OSError."""
    os.remove(path)


def names(folder):
    """Return the names in `folder`, none where it does not exist."""
    try:
        return os.listdir(folder)
    except OSError:
        return []


def make_folder(path):
    """Make the folder `path` unless it is there."""
    try:
        os.mkdir(path)
    except OSError:
        os.stat(path)  # raises where it is not a folder that exists but one that cannot be made
