"""CBOR, the strict deterministic part of it (RFC 8949, 4.2.1): one value has one encoding, and only that is taken.

Definite lengths, shortest heads and floats, map keys sorted by their encoding and none twice, no tags
(none is used inside our messages), nothing behind the value. Lengths are compared with what is there
before memory is taken for them. One file for both directions: as two modules they took 480 bytes more of a desktop's
heap.
"""

import struct
from mote import const

_UINT = const(0)
_NINT = const(1)
BYTES = const(2)
TEXT = const(3)
ARRAY = const(4)
_MAP = const(5)
_SIMPLE = const(7)


class CborError(ValueError):
    """Not deterministic CBOR within the limits; or a value that has no such form."""


def append(out, value):
    """Put the bytes of `value` behind those in the bytearray `out`; takes and raises what `encode` does."""
    _write(out, value)


def encode(value):
    """Return the bytes of `value`: None, bool, int, float, bytes-like, str, list, tuple or dict.

    Raises CborError for anything else and for integers beyond 64 bits.
    """
    out = bytearray()
    _write(out, value)
    return bytes(out)


def head(major, number):
    """Return the shortest head of `major` (BYTES, TEXT …) with `number` (RFC 8949, 3)."""
    if number < 24:
        return (major << 5 | number).to_bytes(1, "big")
    if number < 0x100:
        return (major << 13 | 0x1800 | number).to_bytes(2, "big")
    if number < 0x10000:
        return (major << 21 | 0x190000 | number).to_bytes(3, "big")
    if number < 0x100000000:
        return bytes((major << 5 | 26,)) + number.to_bytes(4, "big")
    if number < 0x10000000000000000:
        return bytes((major << 5 | 27,)) + number.to_bytes(8, "big")
    raise CborError("integer of more than 64 bits")


def _write(out, value):
    if value is None:
        out.append(0xF6)
    elif value is True:
        out.append(0xF5)
    elif value is False:
        out.append(0xF4)
    elif isinstance(value, int):
        if value >= 0:
            out.extend(head(_UINT, value))
        else:
            out.extend(head(_NINT, -1 - value))
    elif isinstance(value, float):
        out.extend(_float(value))
    elif isinstance(value, str):
        try:
            data = value.encode()
        except UnicodeError:  # CPython, of half a surrogate pair
            raise CborError("text that is not UTF-8")
        out.extend(head(TEXT, len(data)))
        out.extend(data)
    elif isinstance(value, (bytes, bytearray, memoryview)):
        out.extend(head(BYTES, len(value)))
        out.extend(value)
    elif isinstance(value, (list, tuple)):
        out.extend(head(ARRAY, len(value)))
        for item in value:
            _write(out, item)
    elif isinstance(value, dict):
        out.extend(head(_MAP, len(value)))
        for key, item in sorted([(_key(key), value[key]) for key in value], key=_first):
            out.extend(key)
            _write(out, item)
    else:
        raise CborError("a value of this type has no CBOR form here")


def _key(key):
    if not isinstance(key, (int, str, bytes)) or isinstance(key, bool):
        raise CborError("a key that is no integer and no string")
    return encode(key)


def _first(pair):
    return pair[0]


def single(value):
    """Return the float `value` in single precision. Raises OverflowError where CPython cannot."""
    return struct.unpack(">f", struct.pack(">f", value))[0]


def _float(value):
    """Return the shortest of half, single and double that gives `value` back (RFC 8949, 4.2.2)."""
    if value != value:
        return b"\xf9\x7e\x00"
    try:
        single = struct.pack(">f", value)
    except OverflowError:  # CPython, of a double too large for a single; MicroPython makes it infinite
        return b"\xfb" + struct.pack(">d", value)
    if struct.unpack(">f", single)[0] != value:
        return b"\xfb" + struct.pack(">d", value)
    half = _half(int.from_bytes(single, "big"))
    if half < 0:
        return b"\xfa" + single
    return b"\xf9" + struct.pack(">H", half)


def _half(bits):
    """Return the half-precision bits equal to the single with `bits`, or -1 where there are none.

    By hand: MicroPython's struct gained `e` after 1.24.
    """
    sign = bits >> 16 & 0x8000
    exponent = (bits >> 23 & 0xFF) - 127
    fraction = bits & 0x7FFFFF
    if exponent == 128:
        return sign | 0x7C00 if fraction == 0 else -1
    if exponent == -127:
        return sign if fraction == 0 else -1
    if exponent > 15 or exponent < -24:
        return -1
    if exponent >= -14:
        return -1 if fraction & 0x1FFF else sign | exponent + 15 << 10 | fraction >> 13
    shift = -1 - exponent  # subnormal: the implicit one becomes a bit of the fraction
    fraction |= 0x800000
    return -1 if fraction & (1 << shift) - 1 else sign | fraction >> shift


def _from_half(bits):
    """Return the float with these half-precision bits."""
    exponent = bits >> 10 & 0x1F
    fraction = bits & 0x3FF
    if exponent == 31:
        value = float("nan") if fraction else float("inf")
    elif exponent:
        value = (1024 + fraction) * 2.0 ** (exponent - 25)
    else:
        value = fraction * 2.0**-24
    return -value if bits & 0x8000 else value


def _needs_double(data):
    """True where no single has the value of the double in these 8 bytes.

    By its bits: on boards whose floats are single, a double loses its last digits as it is read.
    """
    exponent = (data[0] << 4 & 0x7F0 | data[1] >> 4) - 1023
    fraction = int.from_bytes(bytes(data), "big") & 0xFFFFFFFFFFFFF
    if exponent == 1024:
        return False  # infinite, or a NaN, of which only the short one is taken
    if exponent == -1023 and not fraction:
        return False
    if not -149 <= exponent <= 127:
        return True
    # A single has 23 of the 52 bits, and below 2^-126 one less for each power of two.
    spare = 29 if exponent >= -126 else -97 - exponent
    return (fraction | 1 << 52) & (1 << spare) - 1 != 0


def _text(data):
    """Return the str of strict UTF-8 (RFC 3629, 4); MicroPython's own check lets overlong forms and surrogates pass.

    By the bytes: going through a str by letters, MicroPython keeps each letter that is not ASCII for ever.
    """
    try:
        text = data.decode()
    except UnicodeError:
        raise CborError("text that is not UTF-8")
    lead = 0
    for byte in data if len(text) < len(data) else b"":
        if byte in b"\xc0\xc1" or byte > 0xF4 or _no_second(lead, byte):
            raise CborError("text that is not UTF-8")
        lead = byte
    return text


def _no_second(lead, byte):
    """True where `byte` behind `lead` makes an overlong form, half a surrogate pair, or a letter beyond U+10FFFF."""
    if lead == 0xE0:
        return byte < 0xA0
    if lead == 0xF0:
        return byte < 0x90
    return (lead == 0xED and byte >= 0xA0) or (lead == 0xF4 and byte >= 0x90)


def decode(data, depth=4, items=128):
    """Return the value in `data`, all of it.

    `depth` bounds nesting, `items` the number of values in all. Raises CborError, and nothing else,
    for whatever is not the deterministic encoding of a value that `encode` takes.
    """
    return _Reader(data, items).all(depth)


def items_of(data, items=128):
    """Yield what is in the array in `data`, one after the other, each of them no array and no map.

    So what is done with has left memory before the next one comes. Raises CborError as `decode` does, at the item that
    is wrong.
    """
    return _Reader(data, items).each()


class _Reader:
    def __init__(self, data, items):
        self._data = memoryview(data)
        self._pos = 0
        self._items = items

    def all(self, depth):
        value = self._value(depth)
        if self._pos != len(self._data):
            raise CborError("bytes behind the value")
        return value

    def each(self):
        first = self._take(1)[0]
        if first >> 5 != ARRAY:
            raise CborError("no array")
        for _ in range(self._number(first & 0x1F)):
            yield self._value(0)
        if self._pos != len(self._data):
            raise CborError("bytes behind the value")

    def _take(self, size):
        end = self._pos + size
        if end > len(self._data):
            raise CborError("the value does not end")
        piece = self._data[self._pos : end]
        self._pos = end
        return piece

    def _number(self, info):
        """Return the number of a head whose low five bits are `info`."""
        if info < 24:
            return info
        if info > 27:
            raise CborError("indefinite length, or a reserved head")
        size = 1 << info - 24
        number = int.from_bytes(bytes(self._take(size)), "big")
        if number < 24 if size == 1 else not number >> 4 * size:
            raise CborError("not the shortest form")
        return number

    def _value(self, depth):
        self._items -= 1
        if self._items < 0:
            raise CborError("too many values")
        first = self._take(1)[0]
        major = first >> 5
        info = first & 0x1F
        if major == _SIMPLE:
            return self._simple(info)
        number = self._number(info)
        if major == _UINT:
            return number
        if major == _NINT:
            return -1 - number
        if major == BYTES:
            return bytes(self._take(number))
        if major == TEXT:
            return _text(bytes(self._take(number)))
        if depth == 0:
            raise CborError("nested too deeply")
        if major != ARRAY and major != _MAP:
            raise CborError("a tag, which is not used here")
        if number > len(self._data) - self._pos:  # each item takes a byte at least
            raise CborError("the value does not end")
        if major == ARRAY:
            return [self._value(depth - 1) for _ in range(number)]
        return self._map(number, depth - 1)

    def _map(self, number, depth):
        found = {}
        last = b""
        for _ in range(number):
            begin = self._pos
            key = self._value(0)
            if not isinstance(key, (int, str, bytes)) or key is True or key is False:
                raise CborError("a key that is no integer and no string")
            encoded = bytes(self._data[begin : self._pos])
            if encoded <= last:
                raise CborError("keys out of order, or one twice")
            last = encoded
            found[key] = self._value(depth)
        return found

    def _simple(self, info):
        if info == 20:
            return False
        if info == 21:
            return True
        if info == 22:
            return None
        if info == 25:
            bits = int.from_bytes(bytes(self._take(2)), "big")
            if bits & 0x7C00 == 0x7C00 and bits & 0x3FF and bits != 0x7E00:
                raise CborError("not the shortest form")
            return _from_half(bits)
        if info == 26:
            value = struct.unpack(">f", self._take(4))[0]
            shortest = len(_float(value)) == 5
        elif info == 27:
            data = self._take(8)
            value = struct.unpack(">d", data)[0]
            shortest = _needs_double(data)
        else:
            raise CborError("a simple value that is not used here")
        if not shortest:
            raise CborError("not the shortest form")
        return value
