"""RTC memory: who has which bytes of it. It outlives a reset and a deep sleep, not the loss of power.

A chip without it is a mote without a past: each start begins an epoch, none is counted as one of many that failed.

    0..2   the guard: "g1" ‖ one byte: starts in a row that did not reach the broker (low 5 bits), why the mote reset
           itself (high 3 bits, 0: it did not)
    3..63  the ledger's last numbers, see there; nothing, or zeros, where it has kept none
    64..   while the mote sleeps deeply: "s2" ‖ length of the body (2) ‖ body ‖ CRC-32 (4)

The body is epoch (13) ‖ sequence (8) ‖ highest downlink + 1 (8) ‖ connection (4) ‖ record (4) ‖ failed openings (4) ‖
time of falling asleep in ms (8) ‖ planned sleep in ms (4) ‖ for each of the last commands id (8) ‖ result (1). There is
no key in it. The CRC covers the number of the chip too: what was copied to another board is not taken.

What was said beside a result is not kept: after a sleep every actuator is in its safe state, so it is not true
any more, and without it all the commands that a mote remembers fit into the 492 bytes of an ESP8266.
"""

import binascii
import struct
from collections import namedtuple

from mote import const

# epoch: 13 bytes; sequence: of the next uplink; down: highest downlink verified, or -1; connection and record:
# how many there were; failed: openings in this epoch; slept_ms: the board's clock when it fell asleep; sleep_ms: for
# how long; answers: to the last commands (command.Answer), of which name, value and reason come back as None
Asleep = namedtuple("Asleep", "epoch sequence down connection record failed slept_ms sleep_ms answers")

_GUARD = b"g1"
_GUARD_SIZE = const(3)
LEDGER_SIZE = const(61)
_SLEEP_AT = const(64)
_MOST_STARTS = const(31)
_REASON_BIT = const(5)
_SLEEP = b"s2"
_FIXED = ">13sQQIIIQI"
_FIXED_SIZE = const(53)
_ID_SIZE = const(8)
_ANSWER_SIZE = const(9)
_CRC_SIZE = const(4)
_HEAD_SIZE = const(4)


def pack(asleep, chip):
    """Return the block that holds `asleep` for the chip with the number `chip` (bytes)."""
    body = struct.pack(
        _FIXED,
        asleep.epoch,
        asleep.sequence,
        asleep.down + 1,
        asleep.connection,
        asleep.record,
        asleep.failed,
        asleep.slept_ms,
        asleep.sleep_ms,
    ) + _pack_answers(asleep.answers)
    block = _SLEEP + struct.pack(">H", len(body)) + body
    return block + struct.pack(">I", binascii.crc32(chip, binascii.crc32(block)))


def unpack(block, chip):
    """Return the Asleep in `block`, or None where it is damaged, or of another chip."""
    size = _HEAD_SIZE + _FIXED_SIZE + _CRC_SIZE
    if len(block) < size or block[:2] != _SLEEP:
        return None
    end = _HEAD_SIZE + struct.unpack(">H", block[2:4])[0]
    if end + _CRC_SIZE != len(block) or end < _HEAD_SIZE + _FIXED_SIZE:
        return None
    if binascii.crc32(chip, binascii.crc32(block[:end])) != struct.unpack(">I", block[end:])[0]:
        return None
    fixed = struct.unpack(_FIXED, block[_HEAD_SIZE : _HEAD_SIZE + _FIXED_SIZE])
    try:
        answers = _unpack_answers(block[_HEAD_SIZE + _FIXED_SIZE : end])
    except (ValueError, IndexError):
        return None
    epoch, sequence, down, connection, record, failed, slept_ms, sleep_ms = fixed
    return Asleep(epoch, sequence, down - 1, connection, record, failed, slept_ms, sleep_ms, answers)


def _results():
    from mote import command  # not when the board starts: the guard needs this module before the pins are safe

    return (command.DONE, command.REFUSED, command.EXPIRED)


def _pack_answers(answers):
    results = _results()
    return b"".join([answer.id + bytes((results.index(answer.result),)) for answer in answers])


def _unpack_answers(data):
    from mote import command

    if len(data) % _ANSWER_SIZE:
        raise ValueError("cut")
    results = _results()
    answers = []
    for at in range(0, len(data), _ANSWER_SIZE):
        result = results[data[at + _ID_SIZE]]
        answers.append(command.Answer(data[at : at + _ID_SIZE], result, None, None, None))
    return answers


_in_ram = b""


def _forgets(data=None):
    """Keep `data`, or return what was kept: what machine.RTC().memory does, but for as long as the program runs."""
    global _in_ram
    if data is not None:
        _in_ram = bytes(data)
    return _in_ram


def of_board():
    """Return this board's Memory; a chip that has none, the RP2040, knows nothing of earlier starts."""
    import machine

    return Memory(getattr(machine.RTC(), "memory", _forgets))


class Memory:
    """RTC memory by who owns it; `memory` is machine.RTC().memory."""

    def __init__(self, memory):
        self._memory = memory

    def failed_starts(self):
        """Return how many starts in a row did not reach the broker, as far as this memory knows."""
        return self._guarded() & _MOST_STARTS

    def set_failed_starts(self, count):
        """Remember how many starts in a row did not reach the broker; at most 31."""
        self._set_guarded(self._guarded() & ~_MOST_STARTS | min(count, _MOST_STARTS))

    def take_reason(self):
        """Return why the mote has reset itself, 1 to 7, or 0 where it has not; it is forgotten when this returns."""
        reason = self._guarded() >> _REASON_BIT
        if reason:
            self._set_guarded(self.failed_starts())
        return reason

    def set_reason(self, reason):
        """Remember why the mote is about to reset itself: 1 to 7, the guard's numbers."""
        self._set_guarded(self.failed_starts() | reason << _REASON_BIT)

    def _guarded(self):
        data = bytes(self._memory())
        return data[2] if len(data) >= _GUARD_SIZE and data[:2] == _GUARD else 0

    def _set_guarded(self, byte):
        self._memory(_GUARD + bytes((byte,)) + bytes(self._memory())[_GUARD_SIZE:])

    def ledger(self):
        """Return what the ledger kept, LEDGER_SIZE bytes, or fewer where it kept nothing."""
        return bytes(self._memory())[_GUARD_SIZE:_SLEEP_AT]

    def set_ledger(self, data):
        """Keep `data`, LEDGER_SIZE bytes, for the ledger."""
        self._memory(self._guard() + data + bytes(self._memory())[_SLEEP_AT:])

    def take(self, chip):
        """Return the Asleep that is kept, or None; it is gone from the memory when this returns.

        Where it cannot be erased it is not returned either: what could be taken twice would repeat sequence numbers.
        """
        found = unpack(bytes(self._memory())[_SLEEP_AT:], chip)
        self._erase()
        return None if any(bytes(self._memory())[_SLEEP_AT:]) else found

    def keep(self, asleep, chip):
        """Keep `asleep`; nothing may be sealed after this. Where it cannot be kept, the next start knows nothing."""
        block = pack(asleep, chip)
        self._memory(self._head() + block)
        if bytes(self._memory())[_SLEEP_AT:] != block:
            self._erase()

    def _guard(self):
        return _GUARD + bytes((self._guarded(),))

    def _head(self):
        """Return what is not the sleep's, in its whole length."""
        kept = self._guard() + self.ledger()
        return kept + bytes(_SLEEP_AT - len(kept))

    def _erase(self):
        """Overwrite the block, in its whole length."""
        self._memory(self._head() + bytes(max(len(self._memory()) - _SLEEP_AT, 0)))
