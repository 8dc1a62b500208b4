"""A photoresistor in a divider: illuminance, from `r_10` (ohms at 10 lx) and `gamma`. Good to a factor of two."""

from mote.sensors import within
from mote.sensors.divider import Divider

_MOST = 100000


def illuminance(ohms, r_10, gamma):
    """Return lx: gamma is the slope between 10 and 100 lx, lg(R10/R100) (GL55 data sheet)."""
    return 10 * (r_10 / ohms) ** (1 / gamma)


class Driver:
    """One photoresistor."""

    def __init__(self, spec, buses):
        self._divider = Divider(spec)
        self._spec = spec

    async def read(self):
        """Return the illuminance in lx, as (quantity, value)."""
        value = illuminance(self._divider.ohms(), self._spec.r_10, self._spec.gamma)
        return [("illuminance", round(within(value, 0, _MOST), 1))]
