"""Bosch BMP280: temperature, pressure (data sheet BST-BMP280-DS001); a BME280 without humidity."""

from mote.sensors import bme280


class Driver(bme280.Driver):
    """One BMP280 at `spec.address` (0x76 or 0x77)."""

    _NAME = "BMP280"
    _IDS = (0x58, 0x57, 0x56)  # the last two are samples
    _HUMID = False
