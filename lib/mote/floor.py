"""The earliest time that can be true: what the settings say, or a later one that was proven since.

It is saved in two slots, written alternately, of the form of the boot counter's: a power cut at any byte
leaves the one before. It is raised by a day or more at a time, so flash is written once a day at most. What was
saved under settings of another generation does not count: to provision a mote again sets its floor anew.
"""

from mote import const, log
from mote.epoch import SLOT_SIZE, parse_slot, slot
from mote.vault import read_slot

_SLOTS = ("floor0", "floor1")
_DAY_S = const(86400)


class Floor:
    """The floor as `seconds` since 1970."""

    def __init__(self, vault, generation, seconds):
        """`generation` and `seconds` are those of the settings."""
        self._vault = vault
        self._generation = generation
        saved = []
        for name in _SLOTS:
            found = parse_slot(read_slot(vault, name, SLOT_SIZE))
            saved.append(found[1] if found and found[0] == generation else 0)
        self._at = 0 if saved[0] >= saved[1] else 1
        self.seconds = max(seconds, saved[self._at])

    def rise(self, seconds):
        """Raise and save the floor where `seconds`, which are proven to be over, are a day or more above it."""
        if seconds < self.seconds + _DAY_S:
            return
        self.seconds = seconds
        at = 1 - self._at
        data = slot(self._generation, seconds)
        try:
            self._vault.put(_SLOTS[at], data)
        except OSError:
            pass  # what is read back decides
        if read_slot(self._vault, _SLOTS[at], SLOT_SIZE) == data:
            self._at = at
        else:
            log.warn("clock", "the floor could not be saved")
