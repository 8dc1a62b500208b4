"""A thermistor in a divider, of a B value or of Steinhart-Hart coefficients."""

from math import exp

from parts._divider import Divider


class Part(Divider):
    """One thermistor."""

    KIND = "ntc"

    def _ohms(self, values):
        kelvin = values[0] + 273.15
        curve = self._described.get("steinhart")
        if not curve:
            return self._described["r_25"] * exp(self._described["beta"] * (1 / kelvin - 1 / 298.15))
        low, high = 0.0, 20.0  # of the logarithm
        for _ in range(60):
            x = (low + high) / 2
            if curve[0] + curve[1] * x + curve[2] * x**3 < 1 / kelvin:
                low = x
            else:
                high = x
        return exp(low)
