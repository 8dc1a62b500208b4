"""Runs first on the device: the start-up guard. No network, no secrets."""

import gc

# Collect every 8 KB: left alone until the heap is full, what is loaded now lies between garbage, and the
# holes that the garbage leaves are too small for the buffers that come later.
gc.threshold(8192)

from mote import guard  # noqa: E402 - what it imports is loaded under that threshold

guard.started()
