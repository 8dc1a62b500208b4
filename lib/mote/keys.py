"""The key schedule: HMAC and HKDF over SHA-256, and the keys that a mote's root key gives.

Stock firmware has no `hmac`; RFC 2104 is a few lines.
"""

import hashlib
from binascii import b2a_base64

from mote import cbor, const

SEAL = b"seal"
CONNECT = b"connect"
PSK = b"psk"
UPDATE = b"update"

_BLOCK = const(64)
_HASH = const(32)


def hmac_sha256(key, message):
    """Return the 32 bytes of HMAC-SHA256 (RFC 2104)."""
    if len(key) > _BLOCK:
        key = hashlib.sha256(key).digest()
    inner = bytearray(b"\x36" * _BLOCK)
    outer = bytearray(b"\x5c" * _BLOCK)
    for i, byte in enumerate(key):
        inner[i] ^= byte
        outer[i] ^= byte
    digest = hashlib.sha256(inner)
    digest.update(message)
    outer = hashlib.sha256(outer)
    outer.update(digest.digest())
    return outer.digest()


def hkdf_extract(salt, ikm):
    """Return the pseudorandom key of `ikm` (RFC 5869, 2.2)."""
    return hmac_sha256(salt, ikm)


def hkdf_expand(prk, info, length):
    """Return `length` bytes of key material for `info` (RFC 5869, 2.3); ValueError above 255 blocks."""
    if not 0 <= length <= 255 * _HASH:
        raise ValueError("at most 8160 bytes")
    block = b""
    made = b""
    for i in range(1, (length + _HASH - 1) // _HASH + 1):
        block = hmac_sha256(prk, block + info + bytes((i,)))
        made += block
    return made[:length]


def hkdf(salt, ikm, info, length):
    """Return `length` bytes of HKDF-SHA256 (RFC 5869, 2)."""
    return hkdf_expand(hkdf_extract(salt, ikm), info, length)


def equal(a, b):
    """True where `a` and `b` are the same bytes; takes as long wherever they differ."""
    if len(a) != len(b):
        return False
    difference = 0
    for i in range(len(a)):
        difference |= a[i] ^ b[i]
    return difference == 0


def subkey(root, fleet_id, label):
    """Return the 32-byte key for `label` (SEAL, CONNECT, PSK or UPDATE) of a mote's 32-byte root key."""
    return hkdf(fleet_id, root, b"ironmote 1 " + label, _HASH)


def connect_counter(boot_counter, connection):
    """Return the counter of a CONNECT password: boot counter * 2^32 + number of the connection."""
    return boot_counter << 32 | connection


def connect_password(connect_key, mote_id, zone_id, counter):
    """Return the CONNECT password for `counter` (0 in its static form), as str.

    `1.<counter>.<base64url(HMAC-SHA256(connect_key, CBOR ["connect", mote id, zone id, counter]))>`, unpadded.
    """
    claim = cbor.encode(["connect", mote_id, zone_id, counter])
    mac = b2a_base64(hmac_sha256(connect_key, claim)).strip().rstrip(b"=")
    return "1.%d.%s" % (counter, mac.replace(b"+", b"-").replace(b"/", b"_").decode())
