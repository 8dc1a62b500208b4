"""One process at a time: a lock that is gone when its process is, however that ended. For local file systems."""

import os
import sqlite3
import time
from pathlib import Path

_POLL_S = 0.05


class ProcessLock:
    """Held from its making to `release`. The file stays, empty."""

    def __init__(self, path: Path, wait_s: float = 0.0) -> None:
        """Take the lock in the file at `path` (made, 0600), waiting for `wait_s`.

        Raises TimeoutError where another has it all that time, OSError where the file cannot be made or used.
        """
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        # A transaction that stays open for as long as we live is a lock that no crash can leave behind.
        self._file = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        end = time.monotonic() + wait_s
        while True:
            try:
                self._file.execute("BEGIN EXCLUSIVE")
                return
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode == sqlite3.SQLITE_BUSY
                if busy and time.monotonic() < end:
                    time.sleep(_POLL_S)  # and not in SQLite, where Ctrl-C would have to wait as well
                    continue
                self._file.close()
                raise (TimeoutError if busy else OSError)(f"{path}: {error}") from error
            except BaseException as error:
                self._file.close()
                if isinstance(error, sqlite3.Error):
                    raise OSError(f"{path}: {error}") from error
                raise

    def release(self) -> None:
        """Let others have it."""
        self._file.close()
