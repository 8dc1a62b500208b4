"""A resistor that changes in a voltage divider: the voltage that an analog pin sees."""

from parts._sensor import Sensor


class Divider(Sensor):
    """A divider as the settings of its sensor have it; `_ohms` is what the part makes of the world.

    The fault "unplugged" is the part's wire broken, "shorted" its ends together.
    """

    def __init__(self, world, number, description):
        super().__init__(world, number)
        self._described = description

    def power_on(self):
        """Do nothing: it keeps nothing."""

    def volts(self):
        """Return the voltage at the pin."""
        values = self._feel()
        if values is None or self.fault == "unplugged":
            ohms = 1e9
        else:
            ohms = 0.001 if self.fault == "shorted" else self._ohms(values)
        described = self._described
        series = described["r_series"]
        share = ohms / (ohms + series) if described["grounded"] else series / (ohms + series)
        return (described.get("supply_mv") or 3300) / 1000 * share
