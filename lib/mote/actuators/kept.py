"""States that outlive a start: what actuators with `keep` were last told, in two slots written alternately.

    CBOR array: number of the slot, generation of the settings, name and value of each that is not safe ‖ CRC-32 (4)

The slot with the higher number counts. Where one is damaged nothing does: what is left could be what was undone since.
A slot is written where the states differ from the last one, at once for a switch to the safe state, for others ten
seconds after the last at the earliest: so a power cut finds the last state, the one before, or the safe one, and
whoever may switch cannot wear out the flash.
"""

import binascii
import gc
import struct

from mote import cbor, const, store

_SLOTS = ("/kept0", "/kept1")
_LONGEST = const(512)
_ITEMS = const(24)
_CRC_SIZE = const(4)
_QUIET_MS = const(10_000)


def pack(number, generation, values):
    """Return the slot `number` with `values`, a dict of numbers by name."""
    flat = [number, generation]
    for name in sorted(values):
        value = values[name]
        flat += (name, cbor.single(value) if isinstance(value, float) else value)
    body = cbor.encode(flat)
    return body + struct.pack(">I", binascii.crc32(body))


def parse(data):
    """Return (number, generation, values) of a slot. Raises ValueError where it is none."""
    body = data[:-_CRC_SIZE]
    if len(data) <= _CRC_SIZE or struct.pack(">I", binascii.crc32(body)) != data[-_CRC_SIZE:]:
        raise ValueError("damaged")
    flat = cbor.decode(body, 1, _ITEMS)
    if not isinstance(flat, list) or len(flat) < 2 or len(flat) % 2 or not isinstance(flat[0], int):
        raise ValueError("no states")
    return flat[0], flat[1], {flat[i]: flat[i + 1] for i in range(2, len(flat), 2)}


class Kept:
    """The states; `ms()` counts milliseconds, `warn(who, *words)` takes what goes wrong, `folder` is where they are."""

    def __init__(self, generation, ms, warn, folder=""):
        self._generation = generation
        self._ms = ms
        self._warn = warn
        self._folder = folder
        self._saved = {}  # what is in flash
        self._number = 0
        self._at = 0
        self._written = None  # ms
        try:
            self._load()
        except (ValueError, OSError):
            self._clear()
            warn("actuators", "kept states are damaged: all stay safe")
        self._values = dict(self._saved)

    def get(self, name):
        """Return the value kept for `name`, or None."""
        return self._values.get(name)

    def put(self, name, value):
        """Keep `value` for `name`; None is its safe state, and in flash when this returns. Never raises."""
        try:
            if value is None:
                self._values.pop(name, None)
                if name in self._saved:
                    self._save()
            else:
                self._values[name] = value
                self.tick(self._ms())
        except MemoryError:
            pass  # a name that is new is not kept then, and what is not in flash yet is so after a later tick

    def tick(self, now_ms):
        """Write what is due; call it often. Raises MemoryError where it cannot even say what was not saved."""
        if self._values != self._saved and (self._written is None or now_ms - self._written >= _QUIET_MS):
            self._save()

    def _load(self):
        """Take the states from the newer slot. Raises ValueError or OSError, at it, where one of them is damaged."""
        for at, name in enumerate(_SLOTS):
            try:
                data = store.read(self._folder + name, _LONGEST)
                if data is None:
                    continue
                number, generation, values = parse(data)
            except (ValueError, OSError):
                self._at = at
                raise
            if number > self._number:
                self._number = number
                self._at = at
                self._saved = values if generation == self._generation else {}

    def _save(self):
        try:
            self._written = self._ms()
            self._number += 1
            at = 1 - self._at
            store.write(self._folder + _SLOTS[at], pack(self._number, self._generation, self._values))
            self._at = at
            self._saved = dict(self._values)
        except (OSError, MemoryError) as error:
            gc.collect()
            self._clear()
            self._warn("actuators", "kept states could not be saved:", repr(error))

    def _clear(self):
        """Leave no slot: what is in them is not the last state.

        The one at which this is seen goes last: cut off between the two, the older does not stay behind alone.
        """
        self._saved = {}
        for at in (1 - self._at, self._at):
            try:
                store.remove(self._folder + _SLOTS[at])
            except OSError:
                pass
