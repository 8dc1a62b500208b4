"""AES-CCM (RFC 3610, NIST SP 800-38C) on `cryptolib`, whose stock form has ECB and CBC and no more.

Two native calls a message: one CBC over the MAC's input, of which the last block is the MAC, and one
ECB over all counter blocks. The interface is that of `cryptography`'s AESCCM. What surrounds the two calls is a
few joins, since on MicroPython each object that is made and each function that is called costs as much as
several blocks of AES.
"""

import struct
from cryptolib import aes

from mote import const, keys

_ECB = const(1)
_CBC = const(2)
_ZERO = bytes(16)
_LONG_AAD = const(0xFF00)  # from here on its length takes six bytes instead of two (RFC 3610, 2.2)
_PIECE = const(512)  # what is xored at once, so that a long message needs no long integers
_LONGEST = const(0xFFFF)  # bytes of data
_KEPT = const(256)  # up to this size the ends of the counter blocks are kept


class InvalidTag(Exception):
    """The message was not made with this key, nonce and data."""


def _xor(a, b):
    """Return the xor of two strings of the same length, by way of integers: nothing in bytecode is faster."""
    if len(a) > _PIECE:
        return b"".join([_xor(a[i : i + _PIECE], b[i : i + _PIECE]) for i in range(0, len(a), _PIECE)])
    return (int.from_bytes(a, "little") ^ int.from_bytes(b, "little")).to_bytes(len(a), "little")


def _form(size, aad_size):
    """Return the form, for struct, of the MAC's input (RFC 3610, 2.2): each part is filled to whole blocks with zeros.

    The size of the data takes two bytes, and zeros before them where the nonce is shorter than 13.
    """
    form = ">B13sH"
    if aad_size:
        head = 2 if aad_size < _LONG_AAD else 6
        form += "%s%ds" % ("H" if head == 2 else "HI", aad_size + (-head - aad_size & 15))
    return "%s%ds" % (form, size + 15 & ~15)


class AesCcm:
    """AES-CCM with a key of 16 or 32 bytes, 24 where the firmware has that, and an even tag of 4 to 16 bytes."""

    def __init__(self, key, tag_length=16):
        if len(key) not in (16, 24, 32) or tag_length not in (4, 6, 8, 10, 12, 14, 16):
            raise ValueError("a key of 16, 24 or 32 bytes and an even tag of 4 to 16")
        self._key = key
        self._tag_length = tag_length
        self._ecb = aes(key, _ECB)
        # What follows from the sizes of nonce, data and AAD, kept: the next message often has the same.
        self._counted = None
        self._counts = None
        self._sizes = None
        self._form = None

    def encrypt(self, nonce, data, aad):
        """Return ciphertext ‖ tag for `data`, bound to `aad` (bytes or None). A nonce is used once for a key."""
        if not isinstance(data, bytes):
            data = bytes(data)
        stream = self._stream(nonce, len(data))
        return _xor(data + self._mac(nonce, data, aad or b""), stream)

    def decrypt(self, nonce, data, aad):
        """Return the plaintext of `data` (ciphertext ‖ tag). Raises InvalidTag, and then gives nothing away."""
        size = len(data) - self._tag_length
        if size < 0:
            raise InvalidTag
        data = _xor(data, self._stream(nonce, size))
        plain = data[:size]
        if not keys.equal(self._mac(nonce, plain, aad or b""), data[size:]):
            raise InvalidTag
        return plain

    def _stream(self, nonce, size):
        """Return the key stream for `size` bytes of data and, behind it, for the tag (RFC 3610, 2.3)."""
        spare = 15 - len(nonce)
        counts = self._counts if self._counted == (spare, size) else self._count(spare, size)
        stream = self._ecb.encrypt(((spare - 1).to_bytes(1, "big") + nonce).join(counts))
        if len(stream) == size + self._tag_length:
            return stream
        return stream[:size] + stream[-16:][: self._tag_length]

    def _count(self, spare, size):
        """Return the ends of the counter blocks 1 to n, and behind them that of block 0, which is the tag's."""
        if not 2 <= spare <= 8 or size > _LONGEST:
            raise ValueError("a nonce of 7 to 13 bytes, and data that two bytes can count")
        counts = [b""] + [i.to_bytes(spare, "big") for i in range(1, (size + 31) >> 4)] + [bytes(spare)]
        if size <= _KEPT:
            self._counts = counts
            self._counted = (spare, size)
        return counts

    def _mac(self, nonce, data, aad):
        """Return the CBC-MAC over nonce, lengths, `aad` and `data`, as long as a tag (RFC 3610, 2.2)."""
        if self._sizes != (len(data), len(aad)):
            self._form = _form(len(data), len(aad))
            self._sizes = (len(data), len(aad))
        flags = self._tag_length - 2 << 2 | 14 - len(nonce)
        if not aad:
            text = struct.pack(self._form, flags, nonce, len(data), data)
        elif len(aad) < _LONG_AAD:
            text = struct.pack(self._form, flags | 64, nonce, len(data), len(aad), aad, data)
        else:
            text = struct.pack(self._form, flags | 64, nonce, len(data), 0xFFFE, len(aad), aad, data)
        # CBC keeps its chaining value in the object: a new one for each message.
        return aes(self._key, _CBC, _ZERO).encrypt(text)[-16:][: self._tag_length]
