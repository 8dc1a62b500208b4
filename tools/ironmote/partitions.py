"""Where in the flash of an ESP32 things are: its partition table, read from the firmware that brings it.

The table is 32 bytes an entry at flash address 0x8000 (ESP-IDF, "Partition Tables"): magic AA 50, type, subtype,
offset (4, little-endian), size (4), label (16), flags (4).
"""

import struct
from dataclasses import dataclass

from .errors import IronmoteError

_TABLE_AT = 0x8000
_TABLE_BYTES = 0xC00
_ENTRY = struct.Struct("<2sBBII16sI")
_MAGIC = b"\xaa\x50"


@dataclass(frozen=True)
class Partition:
    """A piece of flash: where it begins and how long it is, in bytes."""

    at: int
    size: int


def of_firmware(firmware: bytes, begins: int) -> dict[str, Partition]:
    """The partitions, by label, in a firmware image whose first byte belongs at flash address `begins`.

    Raises IronmoteError where it holds no table.
    """
    table = firmware[_TABLE_AT - begins : _TABLE_AT - begins + _TABLE_BYTES]
    found: dict[str, Partition] = {}
    for at in range(0, len(table) - _ENTRY.size + 1, _ENTRY.size):
        magic, _, _, offset, size, label, _ = _ENTRY.unpack_from(table, at)
        if magic != _MAGIC:
            break
        found[label.rstrip(b"\0").decode("ascii", "replace")] = Partition(offset, size)
    if not found:
        raise IronmoteError("the firmware has no partition table; take the whole .bin of an ESP32, not its .app-bin")
    return found
