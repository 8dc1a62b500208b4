"""Places for what waits: as a semaphore of `threading` is, which takes many times as long where there is room."""

import threading


class Room:
    """So many places. Any thread."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._lock = threading.Lock()
        self._given = threading.Condition(self._lock)

    def take(self, timeout_s: float) -> bool:
        """Take a place; False where there was none for `timeout_s`."""
        with self._lock:
            if self._free <= 0:
                self._given.wait_for(lambda: self._free > 0, timeout_s)
                if self._free <= 0:
                    return False
            self._free -= 1
        return True

    def give(self, places: int) -> None:
        """Give places back."""
        with self._lock:
            self._free += places
            self._given.notify_all()
