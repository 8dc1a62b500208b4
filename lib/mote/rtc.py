"""RTC memory: who has which bytes of it. It outlives a reset and a deep sleep, not the loss of power.

A chip without it is a mote without a past: each start begins an epoch, none is counted as one of many that failed.

    0..2   the guard: "g1" ‖ one byte: starts in a row that did not reach the broker (low 5 bits), why the mote reset
           itself (high 3 bits, 0: it did not)
    3..63  the ledger's last numbers, see there; nothing, or zeros, where it has kept none
    64..71 the trial of a start: "t1" ‖ its flags (1) ‖ crashes in a row (1) ‖ CRC-32 of the settings (4)
    72..   a block "q1", the batch: records that wait for a waking that sends, see there; nothing where none do
    then   a block "s3" while the mote sleeps deeply; a block "w1" from a crash to the next start: what crashed, as text

A block is its name (2) ‖ length of the body (2) ‖ body ‖ CRC-32 (4). The body of "s3" is epoch (13) ‖ sequence (8) ‖
highest downlink + 1 (8) ‖ connection (4) ‖ record (4) ‖ failed openings (4) ‖ time of falling asleep in ms (8) ‖
planned sleep in ms (4) ‖ wakings that only take a record before the next that sends (2) ‖ wakings in a row in which
nothing could be sent (1) ‖ records dropped (4) ‖ alarms that are on (8) ‖ for each of the last commands id (8) ‖
result (1). There is no key in it. The CRC covers the number of the chip too: what was copied to another board is not
taken.

What was said beside a result is not kept: after a sleep every actuator is in its safe state, so it is not true
any more, and without it all the commands that a mote remembers fit into the 492 bytes of an ESP8266.
"""

import binascii
import struct
from collections import namedtuple

from mote import const

# epoch: 13 bytes; sequence: of the next uplink; down: highest downlink verified, or -1; connection and record:
# how many there were; failed: openings in this epoch; slept_ms: the board's clock when it fell asleep; sleep_ms: for
# how long; naps: wakings to come that only take a record; tries: wakings in a row in which nothing could be sent;
# dropped: records; alarms: those that are on, as mote.values says it; answers: to the last commands (command.Answer),
# of which name, value and reason come back as None
Asleep = namedtuple(
    "Asleep", "epoch sequence down connection record failed slept_ms sleep_ms naps tries dropped alarms answers"
)

_GUARD = b"g1"
_GUARD_SIZE = const(3)
LEDGER_SIZE = const(61)
_TRIAL_AT = const(64)
_TRIAL = b"t1"
_TRIAL_SIZE = const(8)
REST_AT = const(72)  # the batch, then what is kept for the sleep
_MOST_STARTS = const(31)
_REASON_BIT = const(5)
_SLEEP = b"s3"
BATCH = b"q1"
_WORDS = b"w1"
_FIXED = ">13sQQIIIQIHBIQ"
_FIXED_SIZE = const(68)
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
        asleep.naps,
        asleep.tries,
        asleep.dropped,
        asleep.alarms,
    ) + _pack_answers(asleep.answers)
    return frame(_SLEEP, body, chip)


def unpack(block, chip):
    """Return the Asleep in `block`, or None where it is damaged, or of another chip."""
    body = unframe(_SLEEP, block, chip)
    if body is None or len(body) < _FIXED_SIZE:
        return None
    fixed = struct.unpack(_FIXED, body[:_FIXED_SIZE])
    try:
        answers = _unpack_answers(body[_FIXED_SIZE:])
    except (ValueError, IndexError):
        return None
    return Asleep(fixed[0], fixed[1], fixed[2] - 1, *(fixed[3:] + (answers,)))


def frame(name, body, key):
    """Return the block of this name that holds `body`; `key` is what its CRC covers besides."""
    block = name + struct.pack(">H", len(body)) + body
    return block + struct.pack(">I", binascii.crc32(key, binascii.crc32(block)))


def unframe(name, block, key):
    """Return the body of a block of this name, or None where it is damaged, of another length or another key."""
    if len(block) < _HEAD_SIZE + _CRC_SIZE or _size(name, block) != len(block):
        return None
    end = len(block) - _CRC_SIZE
    if binascii.crc32(key, binascii.crc32(block[:end])) != struct.unpack(">I", block[end:])[0]:
        return None
    return block[_HEAD_SIZE:end]


def _size(name, data):
    """Return how many bytes the block of this name has with which `data` begins, 0 where it begins with none."""
    if len(data) < _HEAD_SIZE or data[:2] != name:
        return 0
    return _HEAD_SIZE + struct.unpack(">H", data[2:_HEAD_SIZE])[0] + _CRC_SIZE


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


def forgets(data=None):
    """Return nothing, whatever was to be kept: what stands for machine.RTC().memory on a chip that has none."""
    return b""


def of_board():
    """Return this board's Memory; a chip that has none, the RP2040, knows nothing of earlier starts."""
    import machine

    return Memory(getattr(machine.RTC(), "memory", forgets))


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
        return bytes(self._memory())[_GUARD_SIZE:_TRIAL_AT]

    def set_ledger(self, data):
        """Keep `data`, LEDGER_SIZE bytes, for the ledger."""
        self._memory(self._guard() + data + bytes(self._memory())[_TRIAL_AT:])

    def trial(self):
        """Return the trial of a start: its flags, how many crashed in a row, CRC-32 of their settings; or zeros."""
        data = bytes(self._memory())[_TRIAL_AT:REST_AT]
        return struct.unpack(">BBI", data[2:]) if len(data) == _TRIAL_SIZE and data[:2] == _TRIAL else (0, 0, 0)

    def set_trial(self, flags, crashes, settings):
        """Keep the trial of a start."""
        data = bytes(self._memory())
        block = _TRIAL + struct.pack(">BBI", flags, crashes, settings)
        self._memory(self._head()[:_TRIAL_AT] + block + data[REST_AT:])

    def words(self):
        """Return what crashed, as text, or "" where nothing is kept of it."""
        body = unframe(_WORDS, bytes(self._memory())[REST_AT + len(self.batch()) :], b"")
        return "" if body is None else body.decode()

    def set_words(self, text):
        """Keep what crashed, a short text, until the next start or sleep; nowhere where there is no room for it."""
        try:
            self._memory(self._head() + self.batch() + frame(_WORDS, text.encode(), b""))
        except ValueError:
            pass

    def batch(self):
        """Return the block of the batch, whole or not; b"" where there is none."""
        data = bytes(self._memory())[REST_AT:]
        return data[: _size(BATCH, data)]

    def forget_batch(self):
        """Erase the batch, with whatever is behind it."""
        self._memory(self._head() + bytes(max(len(self._memory()) - REST_AT, 0)))

    def peek(self, chip):
        """Return the Asleep that is kept, or None; it stays, so nothing may be sealed that continues it."""
        return unpack(bytes(self._memory())[REST_AT + len(self.batch()) :], chip)

    def take(self, chip):
        """Return the Asleep that is kept, or None; it is gone from the memory when this returns.

        Where it cannot be erased it is not returned either: what could be taken twice would repeat sequence numbers.
        """
        found = self.peek(chip)
        end = REST_AT + len(self.batch())
        self._erase(end)
        return None if any(bytes(self._memory())[end:]) else found

    def keep(self, asleep, chip, batch=b""):
        """Keep `asleep` and the block `batch`; nothing may be sealed after this. Return whether that was done.

        Where this chip has no room for them nothing is changed. Where they cannot be read back they are erased, and the
        next start knows nothing of this sleep.
        """
        block = batch + pack(asleep, chip)
        try:
            self._memory(self._head() + block)
        except ValueError:
            return False
        if bytes(self._memory())[REST_AT:] == block:
            return True
        self._erase(REST_AT + len(self.batch()))
        return False

    def _guard(self):
        return _GUARD + bytes((self._guarded(),))

    def _head(self):
        """Return what is not the sleep's, in its whole length."""
        kept = self._guard() + bytes(self._memory())[_GUARD_SIZE:REST_AT]
        return kept + bytes(REST_AT - len(kept))

    def _erase(self, start):
        """Overwrite what is there from `start` on, in its whole length."""
        data = bytes(self._memory())
        self._memory(self._head() + data[REST_AT:start] + bytes(max(len(data) - start, 0)))
