"""The chip's own temperature, which is that of the board's inside: `esp32.mcu_temperature` (not on ESP32, ESP8266)."""

from mote.sensors import SensorError, within


class Driver:
    """The thermometer in an ESP32-C3, -C6, -S2 or -S3."""

    def __init__(self, spec, buses):
        pass

    async def read(self):
        """Return the temperature in Cel, in whole degrees, as (quantity, value)."""
        try:
            from esp32 import mcu_temperature
        except ImportError:
            raise SensorError("this chip has no thermometer")
        return [("temperature", within(float(mcu_temperature()), -40, 125))]
