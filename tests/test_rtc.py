"""RTC memory: what is not exactly what this chip kept for this sleep is not believed, and nothing is taken twice."""

import binascii

from mote import command, rtc

CHIP = b"\x01\x02\x03\x04\x05\x06"
ANSWER = command.Answer(b"01234567", command.DONE, None, None, None)
STATE = rtc.Asleep(bytes(range(13)), 2**40 - 1, -1, 3, 77, 9, 1795218308123, 60000, 5, 2, 11, 2**63 + 1, [ANSWER])


class Ram:
    """The bytes of machine.RTC.memory."""

    def __init__(self):
        self.data = b""
        self.stuck = False
        self.limit = 2048

    def __call__(self, data=None):
        if data is None:
            return self.data
        if len(data) > self.limit:
            raise ValueError("buffer too long")
        if not self.stuck:
            self.data = bytes(data)
        return None


def test_what_was_kept_is_taken_once():
    ram = Ram()
    memory = rtc.Memory(ram)
    memory.keep(STATE, CHIP)
    assert memory.take(CHIP) == STATE
    assert memory.take(CHIP) is None
    assert not any(ram.data[72:])


def test_guard_and_sleep_do_not_touch_each_other():
    memory = rtc.Memory(Ram())
    memory.set_failed_starts(3)
    memory.keep(STATE, CHIP)
    memory.set_failed_starts(4)
    assert memory.failed_starts() == 4
    assert memory.take(CHIP) == STATE
    assert memory.failed_starts() == 4
    memory.set_failed_starts(999)
    assert memory.failed_starts() == 31


def test_reason_of_a_reset_is_taken_once_and_the_count_of_starts_stays():
    memory = rtc.Memory(Ram())
    assert memory.take_reason() == 0
    memory.set_failed_starts(5)
    memory.keep(STATE, CHIP)
    memory.set_reason(7)
    assert (memory.failed_starts(), memory.take_reason(), memory.take_reason()) == (5, 7, 0)
    memory.set_reason(1)
    memory.set_failed_starts(6)
    assert (memory.take_reason(), memory.failed_starts()) == (1, 6)
    assert memory.take(CHIP) == STATE


def test_guard_ledger_and_sleep_do_not_touch_each_other():
    memory = rtc.Memory(Ram())
    kept = bytes(range(rtc.LEDGER_SIZE))
    memory.set_ledger(kept)
    memory.set_failed_starts(3)
    memory.keep(STATE, CHIP)
    assert memory.ledger() == kept
    assert memory.take(CHIP) == STATE
    memory.set_ledger(bytes(reversed(kept)))
    assert memory.failed_starts() == 3
    assert memory.ledger() == bytes(reversed(kept))


def test_what_is_only_looked_at_stays():
    memory = rtc.Memory(Ram())
    memory.keep(STATE, CHIP)
    assert (memory.peek(CHIP), memory.peek(CHIP), memory.peek(b"other")) == (STATE, STATE, None)


def test_batch_stays_when_the_sleep_is_taken_and_goes_when_none_is_kept():
    ram = Ram()
    memory = rtc.Memory(ram)
    memory.set_failed_starts(2)
    block = rtc.frame(rtc.BATCH, b"records", CHIP)
    assert memory.keep(STATE, CHIP, block)
    assert memory.batch() == block
    memory.set_ledger(bytes(rtc.LEDGER_SIZE))
    assert memory.take(CHIP) == STATE
    assert memory.take(CHIP) is None
    assert memory.batch() == block
    assert not any(ram.data[72 + len(block) :])
    assert memory.keep(STATE, CHIP)
    assert (memory.batch(), memory.take(CHIP), memory.failed_starts()) == (b"", STATE, 2)
    memory.keep(STATE, CHIP, block)
    memory.forget_batch()
    assert (memory.batch(), memory.take(CHIP)) == (b"", None)


def test_batch_that_has_no_room_changes_nothing():
    ram = Ram()
    ram.limit = 492
    memory = rtc.Memory(ram)
    block = rtc.frame(rtc.BATCH, bytes(100), CHIP)
    assert memory.keep(STATE, CHIP, block)
    before = ram.data
    assert not memory.keep(STATE, CHIP, rtc.frame(rtc.BATCH, bytes(492), CHIP))
    assert ram.data == before
    assert memory.take(CHIP) == STATE


def test_sleep_behind_a_batch_that_is_damaged_is_not_believed():
    ram = Ram()
    memory = rtc.Memory(ram)
    memory.keep(STATE, CHIP, rtc.frame(rtc.BATCH, b"records", CHIP))
    whole = ram.data
    for bit in range(72 * 8, 76 * 8):  # its name and its length say where it ends
        bad = bytearray(whole)
        bad[bit // 8] ^= 1 << bit % 8
        ram.data = bytes(bad)
        assert memory.take(CHIP) is None


def test_memory_after_power_on_holds_nothing():
    for data in (b"", b"\x00", bytes(492), b"\xff" * 492, b"g1"):
        ram = Ram()
        ram.data = data
        memory = rtc.Memory(ram)
        assert memory.failed_starts() == 0
        assert memory.take(CHIP) is None


def test_flipped_bit_anywhere_is_not_believed():
    good = rtc.pack(STATE, CHIP)
    assert rtc.unpack(good, CHIP) == STATE
    for i in range(len(good) * 8):
        bad = bytearray(good)
        bad[i // 8] ^= 1 << i % 8
        assert rtc.unpack(bytes(bad), CHIP) is None, i


def test_other_length_is_not_believed():
    good = rtc.pack(STATE, CHIP)
    for size in range(len(good)):
        assert rtc.unpack(good[:size], CHIP) is None
    assert rtc.unpack(good + b"\x00", CHIP) is None


def test_block_of_another_chip_is_not_believed():
    good = rtc.pack(STATE, CHIP)
    assert rtc.unpack(good, b"\x01\x02\x03\x04\x05\x07") is None
    assert rtc.unpack(good, b"") is None


def test_memory_that_cannot_be_erased_is_not_believed():
    ram = Ram()
    memory = rtc.Memory(ram)
    memory.keep(STATE, CHIP)
    ram.stuck = True
    assert memory.take(CHIP) is None


def test_results_of_all_commands_that_a_mote_remembers_fit_into_the_smallest_memory():
    answers = [command.Answer(bytes((i,)) * 8, command.REFUSED, "n" * 32, "v" * 128, "w" * 80) for i in range(16)]
    answers[3] = command.Answer(bytes((3,)) * 8, command.DONE, "n" * 32, "v" * 128, None)
    block = rtc.pack(with_answers(answers), CHIP)
    assert 72 + len(block) <= 492
    kept = rtc.unpack(block, CHIP).answers
    assert [(each.id, each.result) for each in kept] == [(each.id, each.result) for each in answers]


def test_result_that_is_none_is_not_believed():
    good = rtc.pack(STATE, CHIP)
    for body in (good[4:-5] + b"\x03", good[4:-5], good[4:-4] + b"\x00"):
        block = good[:2] + bytes((0, len(body))) + body
        crc = binascii.crc32(CHIP, binascii.crc32(block))
        assert rtc.unpack(block + crc.to_bytes(4, "big"), CHIP) is None


def test_chip_without_memory_says_that_nothing_was_kept_and_knows_of_nothing():
    memory = rtc.Memory(rtc.forgets)
    assert memory.keep(STATE, CHIP, b"") is False  # so that what waits goes into flash
    memory.set_failed_starts(3)
    memory.set_reason(1)
    memory.set_ledger(bytes(rtc.LEDGER_SIZE))
    assert (memory.take(CHIP), memory.failed_starts(), memory.take_reason(), memory.batch()) == (None, 0, 0, b"")
    assert not any(memory.ledger())


def with_answers(answers):
    return rtc.Asleep(*(tuple(STATE)[:-1] + (answers,)))


def test_no_key_is_in_it():
    assert "root" not in rtc.Asleep.__name__
    assert len(rtc.pack(with_answers([]), CHIP)) == 4 + 68 + 4  # head, counters, CRC: no room for one
