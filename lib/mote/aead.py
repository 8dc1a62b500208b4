"""AES-CCM (RFC 3610, NIST SP 800-38C) on `cryptolib`, whose stock form has ECB and CBC and no more.

Two native calls a message: one CBC over the MAC's input, of which the last block is the MAC, and one
ECB over all counter blocks. The interface is that of `cryptography`'s AESCCM. The functions are small
on purpose: MicroPython puts a frame of more than eleven words on the heap, and that costs more than a call.
"""

from cryptolib import aes

from mote import const, keys

_ECB = const(1)
_CBC = const(2)
_ZERO = bytes(16)
_LONG_AAD = const(0xFF00)  # from here on its length takes six bytes instead of two (RFC 3610, 2.2)
_PIECE = const(512)  # what is xored at once, so that a long message needs no long integers
_LONGEST = const(0xFFFF0)  # bytes of data that two bytes of the counter can count


class InvalidTag(Exception):
    """The message was not made with this key, nonce and data."""


def _xor(a, b):
    """Return the xor of two strings of the same length, by way of integers: nothing in bytecode is faster."""
    if len(a) > _PIECE:
        return b"".join([_xor(a[i : i + _PIECE], b[i : i + _PIECE]) for i in range(0, len(a), _PIECE)])
    return (int.from_bytes(a, "little") ^ int.from_bytes(b, "little")).to_bytes(len(a), "little")


def _counters(nonce, count):
    """Return the counter blocks 1 to `count`, and behind them block 0, which is the tag's (RFC 3610, 2.3)."""
    spare = 15 - len(nonce)
    blocks = bytearray(((spare - 1).to_bytes(1, "big") + nonce + _ZERO[:spare]) * (count + 1))
    for i in range(1, min(count, 255) + 1):
        blocks[16 * i - 1] = i
    for i in range(256, count + 1):
        blocks[16 * i - 1] = i & 0xFF
        blocks[16 * i - 2] = i >> 8
    return blocks


def _first(flags, nonce, size):
    """Return the block B_0: flags, nonce, length of the data (RFC 3610, 2.2)."""
    return (flags | 14 - len(nonce)).to_bytes(1, "big") + nonce + size.to_bytes(15 - len(nonce), "big")


def _padded(aad):
    """Return `aad` behind its length, in whole blocks (RFC 3610, 2.2)."""
    size = len(aad)
    head = size.to_bytes(2, "big") if size < _LONG_AAD else b"\xff\xfe" + size.to_bytes(4, "big")
    return head + aad + _ZERO[: -size - len(head) & 15]


class AesCcm:
    """AES-CCM with a key of 16 or 32 bytes, 24 where the firmware has that, and an even tag of 4 to 16 bytes."""

    def __init__(self, key, tag_length=16):
        if len(key) not in (16, 24, 32) or tag_length not in (4, 6, 8, 10, 12, 14, 16):
            raise ValueError("a key of 16, 24 or 32 bytes and an even tag of 4 to 16")
        self._key = key
        self._tag_length = tag_length
        self._ecb = aes(key, _ECB)

    def encrypt(self, nonce, data, aad):
        """Return ciphertext ‖ tag for `data`, bound to `aad` (bytes or None). A nonce is used once for a key."""
        stream = self._stream(nonce, len(data))
        data = bytes(data) + self._mac(nonce, data, aad)
        return _xor(data, stream)

    def decrypt(self, nonce, data, aad):
        """Return the plaintext of `data` (ciphertext ‖ tag). Raises InvalidTag, and then gives nothing away."""
        size = len(data) - self._tag_length
        if size < 0:
            raise InvalidTag
        data = _xor(data, self._stream(nonce, size))
        if not keys.equal(self._mac(nonce, data[:size], aad), data[size:]):
            raise InvalidTag
        return data[:size]

    def _stream(self, nonce, size):
        """Return the key stream for `size` bytes of data and, behind it, for the tag."""
        if not 7 <= len(nonce) <= 13 or size > _LONGEST or size >> 8 * (15 - len(nonce)):
            raise ValueError("a nonce of 7 to 13 bytes, and data that its counter can count")
        stream = self._ecb.encrypt(_counters(nonce, size + 15 >> 4))
        if len(stream) == size + self._tag_length:
            return stream
        return stream[:size] + stream[-16:][: self._tag_length]

    def _mac(self, nonce, data, aad):
        """Return the CBC-MAC over nonce, lengths, `aad` and `data`, as long as a tag (RFC 3610, 2.2)."""
        text = _first(self._tag_length - 2 << 2 | (64 if aad else 0), nonce, len(data))
        if aad:
            text += _padded(aad)
        text = text + data + _ZERO[: -len(data) & 15]
        # CBC keeps its chaining value in the object: a new one for each message.
        text = aes(self._key, _CBC, _ZERO).encrypt(text)
        return text[-16:][: self._tag_length]
