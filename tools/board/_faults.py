"""Faults that the host puts on the hardware while it runs: `<dir>/faults.json`, read on every access.

The file maps a part's kind to a word: "unplugged" (no answer; plugging in again is a power-on),
"chip_id" (another chip answers), "crc" (a bit is lost on the way), "brownout" (the part restarts
while it converts), "busy" (it never gets ready), "zeros" (it sends nothing but zeros), "hung" (it holds the bus, and
whoever asks it waits for ever). "i2c": see _lines. "onewire": "low" holds that wire low. "wifi": "gone" takes all
access points away, a list of names some, "ntp": "silent" the time server, which
lies where "ntp" is a number (seconds since 1970) and sends too little to be an answer where it is
"short". "dns": "gone" has no name resolved, "silent" resolves none and takes a second to say so. "clock":
a number (seconds since 1970) moves the board's clock there, once for each number. "flash": "full" lets nothing
be written. "heap": a number leaves that many bytes of the heap, as code beside the mote would. "tls": see
_tls_faults. Loaded only where board.json says `"faults": true`.
"""

import gc
import json

import _hardware
from micropython import const

_CHUNK = const(512)


class Faults:
    """The faults in force."""

    def __init__(self):
        self._text = None
        self._now = {}
        self._taken = []  # what holds the heap that is not to be had

    def _load(self):
        text = _hardware.read("faults.json")
        if text != self._text:
            self._text = text
            self._now = json.loads(text) if text else {}
            self._fill(self._now.get("heap"))

    def _fill(self, left):
        """Take the heap but for `left` bytes; give it back where that is None."""
        self._taken = []
        gc.collect()
        while left is not None and gc.mem_free() > left + _CHUNK:
            self._taken.append(bytes(_CHUNK - 32))

    def get(self, name):
        """Return the fault on `name`, or None."""
        self._load()
        return self._now.get(name)

    def apply(self, i2c, onewire):
        """Put the faults in force on the parts; a part that comes back has been without power."""
        self._load()
        for part in i2c.values():
            self._put(part)
        for bus in onewire.values():
            for part in bus:
                self._put(part)

    def _put(self, part):
        fault = self._now.get(part.KIND)
        while fault == "hung":
            pass
        if part.fault == "unplugged" and fault != "unplugged":
            part.power_on()
        part.fault = fault
