"""Compensation against the worked example that Bosch prints (BMP280 data sheet BST-BMP280-DS001, 3.12)."""

import struct

from mote.sensors import bme280

LOW = struct.pack("<HhhHhhhhhhhh", 27504, 26435, -1000, 36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000)
RAW_TEMPERATURE = 519888
RAW_PRESSURE = 415148


def calibration(h1=75, h2=370, h3=0, h4=313, h5=50, h6=30):
    high = struct.pack("<hBbBbb", h2, h3, h4 >> 4, h4 & 15 | (h5 & 15) << 4, h5 >> 4, h6)
    return bme280.Calibration(LOW, h1, high)


def test_temperature_is_that_of_the_example():
    t_fine = bme280.fine_temperature(RAW_TEMPERATURE, calibration())
    assert t_fine == 128422
    assert bme280.temperature(t_fine) == 2508


def test_pressure_is_that_of_the_example():
    pressure = bme280.pressure(RAW_PRESSURE, 128422, calibration())
    assert abs(pressure / 256 - 100653.27) < 0.03


def test_pressure_of_a_part_without_calibration_is_none():
    empty = bme280.Calibration(bytes(24), 0, bytes(7))
    assert bme280.pressure(RAW_PRESSURE, 128422, empty) == 0


def test_twelve_bit_humidity_words_are_signed():
    c = calibration(h4=-5, h5=-1000, h6=-30)
    assert (c.h4, c.h5, c.h6) == (-5, -1000, -30)


def test_humidity_agrees_with_the_floating_point_form_of_the_data_sheet():
    # BST-BME280-DS002, 8.1: the same compensation written another way.
    for constants in ((75, 370, 0, 313, 50, 30), (75, 355, 0, 344, 0, 30), (0, 362, 3, -12, -7, -20)):
        h1, h2, h3, h4, h5, h6 = constants
        for t_fine in (0, 76800, 128422, 200000):
            for raw in (22000, 26000, 30000, 34000):
                h = t_fine - 76800.0
                h = (raw - (h4 * 64.0 + h5 / 16384.0 * h)) * (
                    h2 / 65536.0 * (1 + h6 / 67108864.0 * h * (1 + h3 / 67108864.0 * h))
                )
                h *= 1 - h1 * h / 524288.0
                h = min(max(h, 0.0), 100.0)
                assert abs(bme280.humidity(raw, t_fine, calibration(*constants)) / 1024 - h) < 0.02


def test_humidity_stays_between_0_and_100():
    c = calibration()
    assert bme280.humidity(0, 128422, c) == 0
    assert bme280.humidity(65535, 128422, c) == 100 * 1024
