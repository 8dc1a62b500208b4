"""A board whose time runs faster than ours, so that a recording of days is felt in seconds.

Ticks, sleeps and what its parts take to convert are faster; its clock is not, nor is anything outside of the board: a
broker has as much less time to answer as the board's time is faster, by the board's own count.
"""

import time

import utime


def hasten(speed):
    """Let the board's time run `speed` times as fast; call it before anything else asks for the time."""
    from asyncio import core

    def ticks_us():
        return utime.ticks_us() * speed

    def ticks_ms():
        return utime.ticks_us() * speed // 1000

    wait = core.IOQueue.wait_io_event

    def wait_io_event(self, ms):
        wait(self, -(-ms // speed) if ms > 0 else ms)

    time.ticks_us = ticks_us
    time.ticks_ms = core.ticks = ticks_ms
    time.sleep = lambda seconds: utime.sleep(seconds / speed)
    time.sleep_ms = lambda ms: utime.sleep_us(int(ms * 1000 / speed))
    time.sleep_us = lambda us: utime.sleep_us(int(us / speed))
    core.IOQueue.wait_io_event = wait_io_event
