"""AES-CCM (RFC 3610, NIST SP 800-38C) on `cryptolib`, whose stock form has ECB and CBC and no more.

Two native calls a message: one CBC over the MAC's input, of which the last block is the MAC, and one
ECB over all counter blocks. The interface is that of `cryptography`'s AESCCM. On MicroPython each object that is
made and each function that is called costs as much as several blocks of AES, so what follows from the sizes alone
is planned once and kept: the next message often has the same sizes. A plan counts only when all of it is made: with
half of one, after memory ran out, a key stream would be used twice. A long message is ciphered piece by piece instead,
with nothing kept, since all that a plan of it would need at once is many times its length.
"""

from cryptolib import aes
from struct import pack_into

from mote import const, keys

_ECB = const(1)
_CBC = const(2)
_ZERO = bytes(16)
_LONG_AAD = const(0xFF00)  # from here on its length takes six bytes instead of two (RFC 3610, 2.2)
_LONGEST = const(0xFFFF)  # bytes of data
_KEPT = const(128)  # bytes of a message up to which what grows with it is planned at once, and kept
_PIECE = const(128)  # bytes of a longer one that are ciphered at once: whole blocks

_number = int.from_bytes  # found by both of its names it costs as much as a block of AES


class InvalidTag(Exception):
    """The message was not made with this key, nonce and data."""


def _xor(a, b):
    """Return the xor of two strings of the same length, by way of integers: nothing in bytecode is faster."""
    return (_number(a, "little") ^ _number(b, "little")).to_bytes(len(a), "little")


def _spare(nonce_size, size):
    """Return how many bytes a counter has beside a nonce. Raises ValueError where there is no such message."""
    if not 7 <= nonce_size <= 13 or size > _LONGEST:
        raise ValueError("a nonce of 7 to 13 bytes, and data that two bytes can count")
    return 15 - nonce_size


def _sizes(size, aad_size):
    """Return the lengths of data and AAD as the MAC's input has them (2.2)."""
    sizes = size.to_bytes(2, "big")
    if aad_size:
        sizes += aad_size.to_bytes(2, "big") if aad_size < _LONG_AAD else b"\xff\xfe" + aad_size.to_bytes(4, "big")
    return sizes


class AesCcm:
    """AES-CCM with a key of 16 or 32 bytes, 24 where the firmware has that, and an even tag of 4 to 16 bytes."""

    def __init__(self, key, tag_length=16):
        if len(key) not in (16, 24, 32) or tag_length not in (4, 6, 8, 10, 12, 14, 16):
            raise ValueError("a key of 16, 24 or 32 bytes and an even tag of 4 to 16")
        self._key = key
        self._tag_length = tag_length
        self._ecb = aes(key, _ECB)
        self._nonce_size = self._size = self._aad_size = None

    def encrypt(self, nonce, data, aad):
        """Return ciphertext ‖ tag for `data`, bound to `aad` (bytes or None). A nonce is used once for a key."""
        if not isinstance(data, bytes):
            data = bytes(data)
        if len(data) > _KEPT:
            return self._pieces(nonce, data) + self._long_tag(nonce, data, aad or b"")
        if len(data) != self._size or len(nonce) != self._nonce_size:
            self._plan(len(nonce), len(data))
        tag = self._mac(nonce, data, aad or b"")
        return self._xor_stream(nonce, data + tag)

    def decrypt(self, nonce, data, aad):
        """Return the plaintext of `data` (ciphertext ‖ tag). Raises InvalidTag, and then gives nothing away."""
        size = len(data) - self._tag_length
        if size < 0:
            raise InvalidTag
        if size > _KEPT:
            plain = self._pieces(nonce, data[:size])
            true = keys.equal(self._long_tag(nonce, plain, aad or b""), bytes(data[size:]))
        else:
            if size != self._size or len(nonce) != self._nonce_size:
                self._plan(len(nonce), size)
            data = self._xor_stream(nonce, data)
            plain = data[:size]
            true = keys.equal(self._mac(nonce, plain, aad or b""), data[size:])
        if not true:
            raise InvalidTag
        return plain

    def _plan(self, nonce_size, size):
        """Plan what joins the nonces to counter blocks: 1 to n, and behind them 0, which is the tag's (2.3)."""
        spare = _spare(nonce_size, size)
        self._size = self._aad_size = None  # until all that follows is made
        first = (spare - 1).to_bytes(1, "big")
        ends = [i.to_bytes(spare, "big") + first for i in range(1, (size + 31) >> 4)]
        self._counts = [first] + ends + [bytes(spare)]
        self._stream = bytearray(len(self._counts) - 1 << 4)
        # Where the data are whole blocks and the tag is one, stream and message are of one length.
        self._even = len(self._stream) == size + self._tag_length
        self._nonce_size = nonce_size
        self._size = size

    def _lay_out(self, size, aad_size):
        """Plan the MAC's input (2.2): each part is filled to whole blocks with zeros, which is what packing does.

        The size of the data takes two bytes, and zeros before them where the nonce is shorter than 13.
        """
        self._aad_size = None  # until all that follows is made
        sizes = _sizes(size, aad_size)
        filled = aad_size + (2 - len(sizes) - aad_size & 15)
        self._form = ">B13s%ds%ds%ds" % (len(sizes), filled, size + 15 & ~15)
        last = len(sizes) - 2 + filled + (size + 15 & ~15)
        self._text = bytearray(last + 16)
        self._tag = memoryview(self._text)[last : last + self._tag_length]
        self._flags = self._first(aad_size, self._nonce_size)
        self._sizes = sizes
        self._aad_size = aad_size

    def _mac(self, nonce, data, aad):
        """Return the CBC-MAC over nonce, lengths, `aad` and `data`, as long as a tag (RFC 3610, 2.2)."""
        if len(aad) != self._aad_size:
            self._lay_out(len(data), len(aad))
        text = self._text
        pack_into(self._form, text, 0, self._flags, nonce, self._sizes, aad, data)
        # CBC keeps its chaining value in the object: a new one for each message.
        aes(self._key, _CBC, _ZERO).encrypt(text, text)
        return self._tag

    def _xor_stream(self, nonce, data):
        """Return `data`, of which the last bytes are the tag, xored with the key stream (RFC 3610, 2.3)."""
        stream = self._stream
        self._ecb.encrypt(nonce.join(self._counts), stream)
        if self._even:
            return (_number(data, "little") ^ _number(stream, "little")).to_bytes(len(data), "little")
        size = len(data) - self._tag_length
        return _xor(data, stream[:size] + stream[-16:][: self._tag_length])

    def _first(self, aad_size, nonce_size):
        """Return the first byte of the MAC's input (2.2)."""
        return (64 if aad_size else 0) | self._tag_length - 2 << 2 | 14 - nonce_size

    # --- messages of more than _KEPT bytes ------------------------------------------------------

    def _pieces(self, nonce, data):
        """Return `data` xored with the key stream (2.3); this and `_long_tag` keep nothing."""
        spare = _spare(len(nonce), len(data))
        head = bytes((spare - 1,)) + nonce
        done = []
        for at in range(0, len(data), _PIECE):
            piece = data[at : at + _PIECE]
            first = (at >> 4) + 1
            counts = range(first, first + (len(piece) + 15 >> 4))
            stream = bytearray(b"".join([head + i.to_bytes(spare, "big") for i in counts]))
            self._ecb.encrypt(stream, stream)
            done.append(_xor(piece, stream[: len(piece)]))
        return b"".join(done)

    def _long_tag(self, nonce, data, aad):
        """Return the tag of `data`: the CBC-MAC (2.2), xored with the block of counter 0."""
        spare = _spare(len(nonce), len(data))
        sizes = _sizes(len(data), len(aad))
        filled = bytes(2 - len(sizes) - len(aad) & 15)
        head = bytes((self._first(len(aad), len(nonce)),)) + nonce + bytes(spare - 2)
        cbc = aes(self._key, _CBC, _ZERO)
        cbc.encrypt(b"".join((head, sizes, aad, filled)))
        for at in range(0, len(data), _PIECE):
            piece = data[at : at + _PIECE]
            last = cbc.encrypt(piece + bytes(-len(piece) & 15))
        block = self._ecb.encrypt(bytes((spare - 1,)) + nonce + bytes(spare))
        return _xor(last[-16:], block)[: self._tag_length]
