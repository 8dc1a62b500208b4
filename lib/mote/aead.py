"""AES-CCM (RFC 3610, NIST SP 800-38C) on `cryptolib`, whose stock form has ECB and CBC and no more.

Two native calls a message: one CBC over the MAC's input, of which the last block is the MAC, and one
ECB over all counter blocks. The interface is that of `cryptography`'s AESCCM.
"""

from cryptolib import aes
from mote import const, keys

_ECB = const(1)
_CBC = const(2)
_ZERO = bytes(16)
_LONG_AAD = const(0xFF00)  # from here on its length takes six bytes instead of two (RFC 3610, 2.2)


class InvalidTag(Exception):
    """The message was not made with this key, nonce and data."""


def _xor(a, b):
    """Return the xor of two strings of the same length, in one big integer operation."""
    return (int.from_bytes(a, "little") ^ int.from_bytes(b, "little")).to_bytes(len(a), "little")


class AesCcm:
    """AES-CCM with a key of 16, 24 or 32 bytes and a tag of 4 to 16 bytes."""

    def __init__(self, key, tag_length=16):
        if len(key) not in (16, 24, 32) or tag_length not in (4, 6, 8, 10, 12, 14, 16):
            raise ValueError("a key of 16, 24 or 32 bytes and an even tag of 4 to 16")
        self._key = key
        self._tag_length = tag_length
        self._ecb = aes(key, _ECB)

    def encrypt(self, nonce, data, aad):
        """Return ciphertext ‖ tag for `data`, bound to `aad` (bytes or None). A nonce is used once for a key."""
        stream = self._stream(nonce, len(data))
        tag = _xor(self._mac(nonce, data, aad), stream[:16])
        body = _xor(data, stream[16 : 16 + len(data)])
        return body + tag[: self._tag_length]

    def decrypt(self, nonce, data, aad):
        """Return the plaintext of `data` (ciphertext ‖ tag). Raises InvalidTag, and then gives nothing away."""
        size = len(data) - self._tag_length
        if size < 0:
            raise InvalidTag
        stream = self._stream(nonce, size)
        plain = _xor(data[:size], stream[16 : 16 + size])
        tag = _xor(self._mac(nonce, plain, aad), stream[:16])
        if not keys.equal(tag[: self._tag_length], data[size:]):
            raise InvalidTag
        return plain

    def _stream(self, nonce, size):
        """Return the key stream: the encrypted counter blocks from 0 on (RFC 3610, 2.3)."""
        if not 7 <= len(nonce) <= 13 or size >> 8 * (15 - len(nonce)):
            raise ValueError("a nonce of 7 to 13 bytes, and data that its counter can count")
        blocks = (size + 31) // 16
        stream = bytearray((bytes((14 - len(nonce),)) + nonce + bytes(15 - len(nonce))) * blocks)
        for i in range(1, blocks):
            place = 16 * i + 15
            stream[place] = i & 0xFF
            if i > 0xFF:
                stream[place - 1] = i >> 8 & 0xFF
                if i > 0xFFFF:
                    raise ValueError("too long for a board")
        self._ecb.encrypt(stream, stream)
        return memoryview(stream)

    def _mac(self, nonce, data, aad):
        """Return the 16 bytes of CBC-MAC over nonce, lengths, `aad` and `data` (RFC 3610, 2.2)."""
        aad_size = len(aad) if aad else 0
        if aad_size < _LONG_AAD:
            head = aad_size.to_bytes(2, "big") if aad_size else b""
        else:
            head = b"\xff\xfe" + aad_size.to_bytes(4, "big")
        at = 16 - -(len(head) + aad_size) // 16 * 16
        size = len(data)
        text = bytearray(at + -(-size // 16) * 16)
        text[0] = (64 if aad_size else 0) | (self._tag_length - 2) // 2 << 3 | 14 - len(nonce)
        text[1 : 1 + len(nonce)] = nonce
        text[1 + len(nonce) : 16] = size.to_bytes(15 - len(nonce), "big")
        if aad_size:
            text[16 : 16 + len(head)] = head
            text[16 + len(head) : 16 + len(head) + aad_size] = aad
        text[at : at + size] = data
        # CBC keeps its chaining value in the object: a new one for each message.
        aes(self._key, _CBC, _ZERO).encrypt(text, text)
        return memoryview(text)[len(text) - 16 :]
