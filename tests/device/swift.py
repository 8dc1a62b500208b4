"""Time that is not waited for: asyncio on a clock that goes on to the next thing to do as soon as nothing is to do.

`start` puts it in the place of the port's own, before anything of the mote is imported. Hours then pass in the time
that the work in them takes. Whoever turns round without end at one moment is stopped.
"""

import gc
import sys

import asyncio
import asyncio.core as core
import utime

_MP_STREAM_POLL = 3
_MOST_AT_ONCE = 20_000  # turns of the loop without a millisecond passing

# Not before the port's own: what asyncio does in C has the port's time, which must never be ahead of this.
now_us = utime.ticks_us()
horizon = []  # calls that return at which microsecond something of theirs is due, or None
_turns = 0


class Over(SystemExit):
    """The time that was asked for has passed."""


class Wrong(SystemExit):
    """What was watched for has happened: past everything that a mote catches."""

    def __init__(self, words):
        print("WRONG:", words)
        super().__init__(1)


end_us = None


def ticks_us():
    return now_us


def ticks_ms():
    return now_us // 1000


def sleep_us(us):
    advance(max(us, 0))


def sleep_ms(ms):
    advance(max(ms, 0) * 1000)


def sleep(seconds):
    advance(int(seconds * 1000000))


def time_ns():
    return (1_795_000_000_000_000 + now_us) * 1000


def advance(us):
    """Let `us` microseconds pass. Raises Over at the end."""
    global now_us, _turns
    now_us += us
    if us:
        _turns = 0
    if end_us is not None and now_us >= end_us:
        raise Over(0)


class _Utime:
    """The module `utime` on this clock."""

    ticks_us = staticmethod(ticks_us)
    ticks_ms = staticmethod(ticks_ms)
    ticks_cpu = staticmethod(ticks_us)
    sleep = staticmethod(sleep)
    sleep_ms = staticmethod(sleep_ms)
    sleep_us = staticmethod(sleep_us)
    time_ns = staticmethod(time_ns)
    ticks_add = staticmethod(utime.ticks_add)
    ticks_diff = staticmethod(utime.ticks_diff)
    gmtime = staticmethod(utime.gmtime)
    localtime = staticmethod(utime.gmtime)

    @staticmethod
    def time():
        return time_ns() // 1_000_000_000


def _wait(queue, dt):
    """IOQueue.wait_io_event: see who can go on; where nobody can, the time of the next one has come."""
    global _turns
    while True:
        _real_wait(queue, 0)
        _turns += 1
        if _turns > _MOST_AT_ONCE:
            raise Wrong("%d turns at one moment" % _turns)
        task = core._task_queue.peek()
        until = None
        if task:
            until = max(now_us, now_us + utime.ticks_diff(task.ph_key, ticks_ms()) * 1000)
        if dt == 0 or until == now_us:
            return
        for due in horizon:
            when = due()
            if when is not None and (until is None or when < until):
                until = when
        if until is None:
            raise Wrong("nothing will ever happen")
        advance(max(until - now_us, 1))


_real_wait = core.IOQueue.wait_io_event


class _Poller:
    """select.poll for streams that are Python objects: the real one waits a millisecond each time for these."""

    def __init__(self):
        self._streams = {}

    def register(self, stream, events):
        self._streams[id(stream)] = [stream, events]

    modify = register

    def unregister(self, stream):
        self._streams.pop(id(stream), None)

    def ipoll(self, timeout):
        found = []
        for stream, events in self._streams.values():
            ready = stream.ioctl(_MP_STREAM_POLL, events)
            if ready > 0:
                found.append((stream, ready))
        return found


def start(minutes=None):
    """Begin; with `minutes`, Over is raised when they have passed."""
    global end_us
    if minutes is not None:
        end_us = now_us + minutes * 60_000_000
    core.ticks = ticks_ms
    core.IOQueue.wait_io_event = _wait
    core._io_queue.poller = _Poller()
    sys.modules["utime"] = _Utime
    import time

    for name in ("ticks_ms", "ticks_us", "sleep", "sleep_ms", "sleep_us"):
        if time is not utime:
            setattr(time, name, globals()[name])
    if time is utime:
        sys.modules["time"] = _Utime
    asyncio.ticks = ticks_ms


def live():
    """Run the mote of this board as its firmware would, boot.py and then main.py; print how its program ended."""
    execfile("/boot.py")  # noqa: F821  MicroPython has it
    gc.threshold(-1)  # collecting every 8 KB, as a board does for its fragments' sake, would take most of the time
    try:
        execfile("/main.py")  # noqa: F821
    except Exception as error:
        sys.print_exception(error)
    print("the mote's program ended")
