"""Runs first on the device: safe pins, then the start-up guard. No network, no secrets."""

import gc

# Collect every 8 KB: left alone until the heap is full, what is loaded now lies between garbage, and the
# holes that the garbage leaves are too small for the buffers that come later.
gc.threshold(8192)

from mote import pins  # noqa: E402 - what it imports is loaded under that threshold

# The pins float until they are told otherwise, and all that comes later can wait or fail, so they come first: before
# the guard's pause, the settings and whatever may be wrong with them. Only the counting of this start is earlier, a
# byte in RTC memory: where to switch costs the board its supply and it starts anew right here, again and again, the
# guard knows of it, and from then on pauses before the pins. Whatever fails in the guard, they are still put right.
try:
    from mote import guard

    guard.count()
finally:
    pins.safe()
guard.pause()
