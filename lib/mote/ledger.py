"""The ledger: how many records were taken, in this boot and in those before it.

A number is given to each record as it is taken. The last one of each boot is kept in RTC memory, which survives every
reset but a power cut and costs no flash write, and the status says it: the gateway then knows what is missing from
the end of a boot, where no later number shows a gap. It is kept as

    "b1" ‖ how many (1) ‖ six times generation (1) ‖ boot counter (4) ‖ number (4), oldest first ‖ CRC-32 (4)

with the number of the chip in the CRC. Boots before the oldest of them, and those before a power cut, are not known:
the gateway says so.
"""

import binascii
import struct

from mote import const

_MAGIC = b"b1"
_ROWS = const(6)
_ROW = ">BII"
_ROW_SIZE = const(9)
_HEAD_SIZE = const(3)
_BODY_SIZE = const(57)


class Ledger:
    """Counts records; `memory` is an rtc.Memory, `chip` the number of the chip (bytes)."""

    def __init__(self, memory, chip):
        self._memory = memory
        self._chip = chip
        self.rows = self._load()  # (generation, boot counter, number of the last record), oldest first
        self.record = 0  # the number of the last record

    def begin(self, generation, boot, record=0):
        """Count in this boot from here on; `record` were taken in it before a deep sleep, or what is kept here."""
        record = max([record] + [row[2] for row in self.rows if row[:2] == (generation, boot)])
        self.rows = [row for row in self.rows if row[:2] != (generation, boot)][1 - _ROWS :]
        self.rows.append((generation, boot, record))
        self.record = record
        self._save()

    def next(self):
        """Return the identity of the next record: (generation, boot counter, number)."""
        generation, boot, number = self.rows[-1]
        self.record = number + 1
        self.rows[-1] = taken = (generation, boot, number + 1)
        self._save()
        return taken

    def before(self):
        """Return [generation, boot counter, number of the last record] of each boot before this that is known."""
        return [list(row) for row in self.rows[:-1]]

    def _load(self):
        data = self._memory.ledger()
        if data[:2] != _MAGIC or len(data) != _BODY_SIZE + 4 or self._crc(data) != data[_BODY_SIZE:]:
            return []
        return [struct.unpack_from(_ROW, data, _HEAD_SIZE + i * _ROW_SIZE) for i in range(min(data[2], _ROWS))]

    def _save(self):
        data = bytearray(_BODY_SIZE)
        data[:_HEAD_SIZE] = _MAGIC + bytes((len(self.rows),))
        for i, row in enumerate(self.rows):
            struct.pack_into(_ROW, data, _HEAD_SIZE + i * _ROW_SIZE, row[0], row[1], row[2])
        self._memory.set_ledger(bytes(data) + self._crc(data))

    def _crc(self, data):
        return struct.pack(">I", binascii.crc32(self._chip, binascii.crc32(data[:_BODY_SIZE])))
