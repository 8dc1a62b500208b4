"""Faults that the host puts on the hardware while it runs: `<dir>/faults.json`, read on every access.

The file maps a part's kind to a word: "unplugged" (no answer; plugging in again is a power-on),
"chip_id" (another chip answers), "crc" (a bit is lost on the way), "brownout" (the part restarts
while it converts), "hung" (it holds the bus, and whoever asks it waits for ever). "wifi": "gone" takes all access
points away, a list of names some, "dns": "silent" the name server, "ntp": "silent" the time server, which
lies where "ntp" is a number (seconds since 1970) and sends too little to be an answer where it is
"short". "tls": see _tls_faults. Loaded only where board.json says `"faults": true`.
"""

import json

import _hardware


class Faults:
    """The faults in force."""

    def __init__(self):
        self._text = None
        self._now = {}

    def _load(self):
        text = _hardware.read("faults.json")
        if text != self._text:
            self._text = text
            self._now = json.loads(text) if text else {}

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
