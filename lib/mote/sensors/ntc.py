"""A thermistor in a divider: temperature, from `r_25` (ohms) and `beta` (K), or from `steinhart` (a, b, c)."""

from math import log

from mote.sensors import SensorError, within
from mote.sensors.divider import Divider

_ZERO_K = 273.15
_25_K = 298.15


def by_beta(ohms, r_25, beta):
    """Return degrees Celsius by the B-value equation: 1/T = 1/298.15 + ln(R/R25)/B."""
    return 1 / (1 / _25_K + log(ohms / r_25) / beta) - _ZERO_K


def by_steinhart(ohms, a, b, c):
    """Return degrees Celsius by the Steinhart-Hart equation: 1/T = a + b ln R + c (ln R)^3."""
    x = log(ohms)
    return 1 / (a + (b + c * x * x) * x) - _ZERO_K


class Driver:
    """One thermistor."""

    def __init__(self, spec, buses):
        self._divider = Divider(spec)
        self._spec = spec

    async def read(self):
        """Return the temperature in Cel, as (quantity, value)."""
        ohms = self._divider.ohms()
        spec = self._spec
        try:
            value = by_steinhart(ohms, *spec.steinhart) if spec.steinhart else by_beta(ohms, spec.r_25, spec.beta)
        except ZeroDivisionError:
            raise SensorError("coefficients of no thermistor")
        return [("temperature", round(within(value, -55, 150), 2))]
