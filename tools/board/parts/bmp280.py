"""Bosch BMP280 (data sheet BST-BMP280-DS001): a BME280 without its humidity."""

from parts import bme280


class Part(bme280.Part):
    """One BMP280."""

    KIND = "bmp280"
    _IDS = (0x58, 0x60)

    def _get(self, register):
        # Registers that it does not have read as zero.
        if register in (0xA1, 0xF2) or 0xE1 <= register <= 0xE7 or register >= 0xFD:
            return 0
        return super()._get(register)
