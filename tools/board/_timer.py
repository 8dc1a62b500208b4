"""`machine.Timer`."""

from _hardware import start_new_thread
from micropython import schedule


class Timer:
    """A timer on a thread of its own, which only sleeps and schedules: it never allocates.

    The callback runs between two instructions of the program, as a soft interrupt does on a board,
    but not before a sleep or a poll of the program has ended.
    """

    ONE_SHOT, PERIODIC = 0, 1

    def __init__(self, id=-1, **options):
        self._turn = 0
        if options:
            self.init(**options)

    def init(self, mode=1, freq=-1, period=-1, callback=None):
        """Start: `callback(timer)` every `period` milliseconds, or `freq` times a second."""
        if freq > 0:
            period = int(1000 / freq)
        self.deinit()
        if callback is not None:
            start_new_thread(self._run, (self._turn, max(period, 1), mode, callback))

    def deinit(self):
        """Stop."""
        self._turn += 1

    def _run(self, turn, period, mode, callback):
        from utime import sleep_ms

        while True:
            sleep_ms(period)
            if self._turn != turn:
                return
            try:
                schedule(callback, self)
            except RuntimeError:
                pass  # the queue is full: a beat is lost, as on a board
            if mode == 0:
                return
