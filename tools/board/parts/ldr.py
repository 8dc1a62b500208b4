"""A photoresistor in a divider (GL55 data sheet): ohms at 10 lx and the slope from there, a megohm in the dark."""

from parts._divider import Divider

_DARK = 1e6


class Part(Divider):
    """One photoresistor."""

    KIND = "ldr"

    def _ohms(self, values):
        if values[2] <= 0:
            return _DARK
        return min(self._described["r_10"] * (10 / values[2]) ** self._described["gamma"], _DARK)
