"""Runs first on the device: the start-up guard. No network, no secrets."""

import gc

# Collected this often, what is loaded and kept lies together: a heap in pieces has no room for a buffer of 1,500 bytes.
gc.threshold(8192)

from mote import guard  # noqa: E402

guard.started()
