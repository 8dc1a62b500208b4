"""Files on a board: whatever instant the power goes at, what was there before or what was written is there, whole."""

import os

from harness import raises
from mote import store

PATH = "test_store.bin"


class PowerCut(Exception):
    """The board lost its power between two steps of a write."""


class Steps:
    """`os` with a `sync`, where the power goes instead of step number `cut`; `taken` are the steps so far."""

    def __init__(self, cut=None):
        self.taken = []
        self._cut = cut

    def _step(self, name):
        if len(self.taken) == self._cut:
            raise PowerCut
        self.taken.append(name)

    def sync(self):
        self._step("sync")

    def rename(self, old, new):
        self._step("rename")
        os.rename(old, new)

    def stat(self, path):
        return os.stat(path)


def write(data, steps):
    store.os = steps
    try:
        store.write(PATH, data)
    finally:
        store.os = os


def remove():
    for path in (PATH, PATH + ".part"):
        try:
            os.remove(path)
        except OSError:
            pass


def test_file_is_synced_before_it_takes_the_old_ones_place_and_so_is_its_name():
    try:
        steps = Steps()
        write(b"new", steps)
        assert steps.taken == ["sync", "rename", "sync"]
        assert store.read(PATH, 3) == b"new"
    finally:
        remove()


def test_power_cut_at_every_step_leaves_the_old_file_or_the_new_one():
    try:
        for cut in range(3):
            store.write(PATH, b"old")
            raises(PowerCut, write, b"newer", Steps(cut))
            assert store.read(PATH, 5) == (b"old", b"old", b"newer")[cut]
            write(b"newest", Steps())
            assert store.read(PATH, 6) == b"newest"
    finally:
        remove()


def test_file_that_is_too_large_is_refused_and_none_is_none():
    try:
        store.write(PATH, b"four")
        raises(ValueError, store.read, PATH, 3)
        assert store.read(PATH, 4) == b"four"
    finally:
        remove()
    assert store.read(PATH, 4) is None
