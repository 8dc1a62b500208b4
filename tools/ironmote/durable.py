"""Files that are replaced whole: at every moment, a power cut included, there is the old one or the new one."""

import os
from pathlib import Path

PUBLIC, PRIVATE = 0o644, 0o600


def replace(path: Path, content: bytes | str, mode: int = PRIVATE) -> Path:
    """Put `content` in the place of `path`, with `mode` where the file is new, and give the path back.

    It is on the disk when this returns. Two writers at a time need a lock of their own. Raises OSError; then the old
    file is as it was.
    """
    data = content.encode() if isinstance(content, str) else content
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)  # a power cut left it
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)
    return path


def remove(path: Path) -> None:
    """Remove `path`, which may be gone already; that is on the disk when this returns."""
    path.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return  # folders cannot be opened there
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
