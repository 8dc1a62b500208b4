"""The last settings that worked: a copy in flash, to go back to where new ones bring the mote down.

`/settings.last` is written once for each change of the settings, when they have worked, and once when the mote goes
back to it:

    "l1" ‖ CRC-32 of the copy (4) ‖ CRC-32 of the settings that were given up, or zeros (4) ‖ length of the reason (1) ‖
    length of the pins (1) ‖ reason, as text ‖ `/pins` of then (mote.pins), which goes with them ‖ the copy

Settings are known by their CRC-32. What is given up stays so until other settings come by cable; provisioning erases
the file. What of the copy is used at all, `TAKEN` says: what the mote measures and does. Who it is, its networks,
brokers, keys, channel and clock are always those of the settings that came last.
"""

import binascii
import struct

from mote import cbor, const, pins, record, store

PATH = "/settings.last"
LIMIT = const(4096)  # of settings
TAKEN = (
    "i2c",
    "onewire",
    "sensors",
    "values",
    "actuators",
    "rules",
    "led",
    "sample_ms",
    "outbox",
    "backlog",
    "drop",
    "keep_s",
    "sleep_ms",
    "send_every",
    "listen_ms",
)
_LIFE = ("mote", "fleet", "board", "generation")  # a copy of another life is none
_MAGIC = b"l1"
_HEAD = ">2sIIBB"
_HEAD_SIZE = const(12)
_PIECE = const(256)
_LONGEST_WHY = const(80)


class LastGood:
    """The copy: its CRC-32 as `mark`, that of what was given up for it as `given_up`, and `why`; 0 for none."""

    def __init__(self):
        self.mark = self.given_up = 0
        self.why = ""
        self._pins = b""
        try:
            with store.reader(PATH) as file:
                head = file.read(_HEAD_SIZE)
                if len(head) < _HEAD_SIZE:
                    return
                magic, mark, given_up, size, pins_size = struct.unpack(_HEAD, head)
                why = file.read(size).decode()
                self._pins = file.read(pins_size)
        except (OSError, UnicodeError):
            return
        if magic == _MAGIC and record.is_text(why, _LONGEST_WHY):
            self.mark, self.given_up, self.why = mark, given_up, why

    def back(self, data):
        """Return what the settings `data` (CBOR) are with what the copy has of TAKEN in place of theirs, as a dict.

        None where there is no copy of this life that is whole. Raises cbor.CborError where `data` is no CBOR.
        """
        from mote import settings  # there while settings are read, and at no other time

        try:
            old = settings.decode(self._copy())
        except (OSError, ValueError, cbor.CborError):
            return None
        fields = settings.decode(data)
        if not isinstance(old, dict) or not isinstance(fields, dict):
            return None
        for name in _LIFE:
            if name not in old or old[name] != fields.get(name):
                return None
        for name in TAKEN:
            if name in old:
                fields[name] = old[name]
            elif name in fields:
                del fields[name]
        return fields

    def give_up(self, mark, why):
        """Go back for good from the settings whose CRC-32 is `mark`. Raises OSError where that cannot be written."""
        copy = self._copy()
        try:
            rows = pins.parse(self._pins)
        except ValueError:
            pass  # those that are there stay
        else:
            # First: cut off behind it, the mote comes here again.
            store.write(pins.PATH, pins.pack(rows + _others(rows)))
        self._write(self.mark, mark, why, (copy,))
        self.given_up, self.why = mark, why

    def remember(self, path, mark):
        """Copy the settings at `path`, whose CRC-32 is `mark`: they work. Raises OSError."""
        self._pins = store.read(pins.PATH, pins.LONGEST) or b""
        self._write(mark, 0, "", _pieces(path, mark))
        self.mark, self.given_up = mark, 0

    def _copy(self):
        data = store.read(PATH, _HEAD_SIZE + _LONGEST_WHY + pins.LONGEST + LIMIT) or b""
        copy = data[_HEAD_SIZE + len(self.why.encode()) + len(self._pins) :]
        if not self.mark or binascii.crc32(copy) != self.mark:
            raise ValueError("damaged")
        return copy

    def _write(self, mark, given_up, why, pieces):
        reason = why.encode()
        head = struct.pack(_HEAD, _MAGIC, mark, given_up, len(reason), len(self._pins)) + reason + self._pins
        store.write_pieces(PATH, _chain(head, pieces))


def _others(rows):
    """Return the rows of `/pins` for other pins than `rows`: what hangs there by the wiring of today stays safe too."""
    try:
        found = pins.parse(store.read(pins.PATH, pins.LONGEST) or b"")
    except ValueError:
        return []
    numbers = [row[0] for row in rows]
    return [row for row in found if row[0] not in numbers]


def _chain(head, pieces):
    yield head
    yield from pieces


def _pieces(path, mark):
    """Yield the file at `path` in pieces; OSError where it is not the one with this CRC-32."""
    found = 0
    with store.reader(path) as file:
        piece = file.read(_PIECE)
        while piece:
            found = binascii.crc32(piece, found)
            yield piece
            piece = file.read(_PIECE)
    if found != mark:
        raise OSError("it is another one now")
