"""`machine.WDT`."""

import _hardware
from micropython import const

_SHORTEST_MS = const(1)
_ESP8266_MS = const(5000)
_RP2040_LONGEST_MS = const(8388)


class WDT:
    """The watchdog: `<dir>/wdt` holds its timeout in milliseconds and is written at each feed.

    The host bites: it kills the process when the file is older than that, and writes the cause.
    """

    def __init__(self, id=0, timeout=5000):
        if id != 0:
            raise ValueError("WDT(%d) doesn't exist" % id)
        if timeout < _SHORTEST_MS or (_hardware.chip == "esp8266" and timeout != _ESP8266_MS):
            raise ValueError("WDT timeout out of range")
        if _hardware.chip == "rp2040" and timeout > _RP2040_LONGEST_MS:
            raise ValueError("timeout exceeds 8388")
        self._text = str(timeout)
        _hardware.write("wdt", self._text)  # whole at once: the host must never read half a timeout
        self._file = open("/.state/wdt", "r+b")  # noqa: SIM115  fed for as long as the board runs

    def feed(self):
        """Put off the reset."""
        self._file.seek(0)
        self._file.write(self._text)
