"""The contact by which a relay says what it does: it connects its pin to ground while the relay is on."""

from micropython import const
from utime import ticks_diff, ticks_ms

import _hardware

_MOVES_MS = const(8)


class Part:
    """The contact on `pin` of the relay on the pin `of`, which is on at the low level where it is `low`.

    The fault "stuck" keeps it where it is.
    """

    KIND = "contact"

    def __init__(self, world, number, description):
        self._of = description["of"]
        self._low = bool(description.get("low"))
        self._wanted = self._closed = False
        self._since = ticks_ms()
        self.fault = None

    def power_on(self):
        """Do nothing: it has no supply of its own."""

    def level(self):
        """Return the level of its pin, which the board pulls up."""
        driven = _hardware.driven(self._of)
        on = driven is not None and bool(driven) != self._low
        if on != self._wanted:
            self._wanted = on
            self._since = ticks_ms()
        if self.fault != "stuck" and ticks_diff(ticks_ms(), self._since) >= _MOVES_MS:
            self._closed = self._wanted
        return 0 if self._closed else 1
