"""The thermometer in an ESP32-C3, -C6, -S2 or -S3: what the chip adds to the room."""

from parts._sensor import Sensor

_WARMER = 18.0


class Part(Sensor):
    """The one of this board."""

    KIND = "chip"

    def __init__(self, world, number, description):
        super().__init__(world, number)

    def power_on(self):
        """Do nothing: it keeps nothing."""

    def celsius(self):
        """Return whole degrees."""
        values = self._feel()
        return 127 if values is None else int(values[0] + _WARMER)
