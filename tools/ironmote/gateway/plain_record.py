"""Records of the plainest form, which nearly all are, read without the detour that every other form needs.

A record comes from here only where every byte is as mote.record packs it: labels in their order, short texts, the
shortest numbers. All else is None, and mote.senml decides about it. Nothing is taken here that it would not take, and
nothing is taken otherwise: host_tests/test_plain_records_are_read_the_same.py holds them together.
"""

import re
import struct
from collections.abc import Callable

from mote import record, senml
from mote.record import Reading, Record

_NAME, _UNIT, _NUMBER, _BOOL, _BASE_TIME = 0x00, 0x01, 0x02, 0x04, 0x22
_BASE_NAME, _IDENTITY = b"\x21", b"\x62ri"
_ARRAY, _MAP, _TEXT = 0x80, 0xA0, 0x60
_MOST = 23  # entries or letters whose number is in one byte with their kind
_FALSE, _TRUE, _HALF, _SINGLE, _UINT32 = 0xF4, 0xF5, 0xF9, 0xFA, 0x1A
_HALF_EXPONENT, _SINGLE_EXPONENT = 0x7C00, 0x7F800000  # all of them set: infinite, or not a number
_BEYOND_HALF = 0x1FFF  # of a single; where one of these bits is set no half has its value (RFC 8949, 4.2.2)
_SINCE_1970 = 1 << 28  # what is below is relative to now (RFC 8428, 4.5.3)
_LARGEST_GENERATION = 0xFF
_LONGEST_UNIT = 16
_REMEMBERED = 4096
_digits = re.compile(rb"(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})").fullmatch
_half = struct.Struct(">e").unpack_from
_single = struct.Struct(">f").unpack_from


class _OtherForm(Exception):
    """Not of the plainest form; it may be a record all the same."""


class PlainRecords:
    """Reads records, and remembers names and units: a fleet has few of them and says them again and again."""

    def __init__(self) -> None:
        self._names: dict[bytes, str] = {}
        self._units: dict[bytes, str] = {}

    def read(self, data: bytes, mote_id: str) -> Record | None:
        """The Record that the mote `mote_id` packed as CBOR; None where the strict reader is to decide."""
        try:
            return self._read(data, mote_id)
        except (IndexError, struct.error, _OtherForm):
            return None

    def _read(self, data: bytes, mote_id: str) -> Record:
        count = data[0] - _ARRAY
        if not 1 <= count <= _MOST:
            raise _OtherForm
        found = []
        identity, base_time = (0, 0, 0), None
        at = 1
        for index in range(count):
            fields, at = data[at] - _MAP, at + 1
            if data[at] != _NAME:
                raise _OtherForm
            end = at + 2 + data[at + 1] - _TEXT
            word = data[at + 1 : end]
            name = self._names.get(word) or _learn(self._names, word, record.is_name)
            read, at, unit = 2, end, None
            if data[at] == _UNIT:
                end = at + 2 + data[at + 1] - _TEXT
                word = data[at + 1 : end]
                unit = self._units.get(word) or _learn(self._units, word, _is_unit)
                read, at = 3, end
            value, at = _value(data, at)
            if not index:
                identity, base_time, at = _base(data, at, mote_id)
                read += 2 if base_time is None else 3
            if read != fields:
                raise _OtherForm
            found.append((name, unit, value))
        if at != len(data):
            raise _OtherForm
        return Record(identity, base_time, [Reading(*each, base_time) for each in found])


def _learn(known: dict[bytes, str], word: bytes, check: Callable[[str], bool]) -> str:
    """The text in `word`, which has a head of one byte."""
    if not word or not 1 <= word[0] - _TEXT == len(word) - 1 <= _MOST or not word.isascii():
        raise _OtherForm
    text = word[1:].decode()
    if not check(text):
        raise _OtherForm
    if len(known) < _REMEMBERED:
        known[word] = text
    return text


def _is_unit(text: str) -> bool:
    return bool(record.is_text(text, _LONGEST_UNIT))


def _value(data: bytes, at: int) -> tuple[float | int | bool, int]:
    """The value whose label is at `at`, and what follows."""
    kind, head = data[at], data[at + 1]
    at += 2
    if kind == _NUMBER and head == _SINGLE:
        bits = int.from_bytes(data[at : at + 4], "big")
        if bits & _BEYOND_HALF and bits & _SINGLE_EXPONENT != _SINGLE_EXPONENT:
            return senml.shortest(_single(data, at)[0]), at + 4
    elif kind == _NUMBER and head == _HALF:
        if int.from_bytes(data[at : at + 2], "big") & _HALF_EXPONENT != _HALF_EXPONENT:
            return senml.shortest(_half(data, at)[0]), at + 2
    elif kind == _NUMBER:
        return _integer(data, at - 1)
    elif kind == _BOOL and head in (_FALSE, _TRUE):
        return head == _TRUE, at
    raise _OtherForm


def _integer(data: bytes, at: int) -> tuple[int, int]:
    """The integer of at most 32 bits at `at`, and what follows (RFC 8949, 3)."""
    info, negative = data[at] & 0x1F, data[at] & 0x20
    if data[at] > 0x3A or info > 26:
        raise _OtherForm
    number, at = info, at + 1
    if info > 23:
        size = 1 << info - 24
        number = int.from_bytes(data[at : at + size], "big")
        if number < 24 if size == 1 else not number >> 4 * size:  # not the shortest form
            raise _OtherForm
        at += size
    return -1 - number if negative else number, at


def _base(data: bytes, at: int, mote_id: str) -> tuple[tuple[int, int, int], int | None, int]:
    """Identity and base time of a record, and what follows; its base name must be that of `mote_id`."""
    size = len(mote_id) + 1
    name = b"%b%c%b/" % (_BASE_NAME, _TEXT + size, mote_id.encode())
    if size > _MOST or not data.startswith(name, at):
        raise _OtherForm
    at += len(name)
    base_time = None
    if data[at] == _BASE_TIME:
        if data[at + 1] != _UINT32:
            raise _OtherForm
        base_time, at = int.from_bytes(data[at + 2 : at + 6], "big"), at + 6
        if base_time < _SINCE_1970:
            raise _OtherForm
    if not data.startswith(_IDENTITY, at):
        raise _OtherForm
    at += len(_IDENTITY) + 1
    end = at + data[at - 1] - _TEXT
    parts = _digits(data, at, end) if 0 < end - at <= _MOST else None
    if parts is None:
        raise _OtherForm
    generation, boot, number = parts.groups()
    if int(generation) > _LARGEST_GENERATION:
        raise _OtherForm
    return (int(generation), int(boot), int(number)), base_time, end
