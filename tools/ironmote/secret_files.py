"""Files that only their owner may read. They are born that way: no moment at which others could open them."""

import contextlib
import os
import stat
from pathlib import Path


def make_folder(folder: Path) -> Path:
    """Make `folder` (mode 0700) and give it back. One that exists stays as its owner made it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def close_folder(folder: Path) -> Path:
    """Make `folder`, or take from others what they may in the one there is, and give it back.

    Who may write to it could put files of their own in the place of ours. One that is somebody else's stays as it is.
    """
    make_folder(folder)
    with contextlib.suppress(PermissionError):
        folder.chmod(0o700)
    return folder


def write(path: Path, content: bytes | str) -> Path:
    """Write `content` to `path` (mode 0600), replacing what was there, and give the path back."""
    data = content.encode() if isinstance(content, str) else content
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    return path


def read_line(path: Path) -> str:
    """The first line of a file that only its owner may read. Raises ValueError, which never quotes it, or OSError."""
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ValueError(f"others can read it: chmod 600 {path}")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    return lines[0].strip() if lines else ""
