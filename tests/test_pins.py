"""The safe state of the pins, as it lies in flash."""

from harness import raises
from mote import pins

ROWS = [(5, 0, 0), (12, 0, 65535), (18, 1000, 8192), (63, 40000, 1)]


def test_rows_come_back():
    assert pins.parse(pins.pack(ROWS)) == ROWS
    assert pins.parse(pins.pack([])) == []


def test_file_is_small_enough_for_every_actuator_that_there_can_be():
    assert len(pins.pack(ROWS * 2 + ROWS * 2)) <= pins.LONGEST, "those of the settings before, too"


def test_file_that_is_damaged_at_any_byte_drives_no_pin():
    whole = pins.pack(ROWS)
    for at in range(len(whole)):
        damaged = bytearray(whole)
        damaged[at] ^= 1
        raises(ValueError, pins.parse, bytes(damaged))
        raises(ValueError, pins.parse, whole[:at])
    raises(ValueError, pins.parse, whole + b"\0")
