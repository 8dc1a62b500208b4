"""The ledger: no number twice, and what earlier boots ended with is known as long as there was power."""

from mote import rtc
from mote.ledger import Ledger
from test_rtc import CHIP, Ram


def start(ram, boot, records=0, chip=CHIP):
    ledger = Ledger(rtc.Memory(ram), chip)
    ledger.begin(1, boot)
    for _ in range(records):
        ledger.next()
    return ledger


def test_numbers_count_from_one_in_each_boot():
    ram = Ram()
    ledger = start(ram, 7)
    assert ledger.record == 0
    assert ledger.next() == (1, 7, 1)
    assert ledger.next() == (1, 7, 2)
    assert ledger.record == 2
    assert start(ram, 8).next() == (1, 8, 1)


def test_last_numbers_of_earlier_boots_are_known_after_a_reset_as_far_as_there_is_room():
    ram = Ram()
    for boot in range(1, 9):
        start(ram, boot, boot * 10)
    assert start(ram, 9).before() == [[1, boot, boot * 10] for boot in range(4, 9)]


def test_nothing_is_known_after_a_power_cut_or_on_another_chip_or_from_a_damaged_memory():
    assert start(Ram(), 7, 5).before() == []
    ram = Ram()
    start(ram, 7, 5)
    assert start(ram, 8, 0, b"other").before() == []
    for bit in range(8 * 3, 8 * (3 + rtc.LEDGER_SIZE)):
        ram = Ram()
        start(ram, 7, 5)
        data = bytearray(ram.data)
        data[bit // 8] ^= 1 << bit % 8
        ram.data = bytes(data)
        assert start(ram, 8).before() == []


def test_count_goes_on_over_deep_sleep_in_the_same_boot():
    ram = Ram()
    start(ram, 6, 4)
    start(ram, 7, 5)
    ledger = Ledger(rtc.Memory(ram), CHIP)
    ledger.begin(1, 7, 5)
    assert ledger.next() == (1, 7, 6)
    assert ledger.before() == [[1, 6, 4]]


def test_number_that_was_given_since_the_count_was_kept_is_not_given_again():
    ram = Ram()
    start(ram, 7, 5)
    ledger = Ledger(rtc.Memory(ram), CHIP)
    ledger.begin(1, 7, 3)
    assert ledger.next() == (1, 7, 6)
