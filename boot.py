"""Runs first on the device: the start-up guard. No network, no secrets."""

from mote import guard

guard.started()
