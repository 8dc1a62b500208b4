"""NKeys and the JWTs signed with them, as far as NATS's auth callout needs them: Ed25519 with a text form of its own.

An NKey's text is base32 (no padding) of prefix ‖ 32 bytes ‖ CRC-16/XMODEM of these, little-endian. A seed has two
prefix bytes, which hold "seed" and the prefix of its public key, five bits each.
"""

import base64
import binascii
import hashlib
import json
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ACCOUNT = 0  # texts that begin with A
SERVER = 13 << 3  # N
USER = 20 << 3  # U
_SEED = 18 << 3  # S
_RAW_BYTES = 32
_HEADER = {"typ": "JWT", "alg": "ed25519-nkey"}


class NkeyError(ValueError):
    """Not a key of the wanted kind, or a JWT that does not verify. The text never holds what was given."""


class KeyPair:
    """An NKey that can sign."""

    def __init__(self, kind: int, private: Ed25519PrivateKey) -> None:
        self._kind = kind
        self._private = private

    @classmethod
    def generate(cls, kind: int) -> "KeyPair":
        """A new random pair of `kind`: ACCOUNT, SERVER or USER."""
        return cls(kind, Ed25519PrivateKey.generate())

    @classmethod
    def derive(cls, kind: int, secret: str) -> "KeyPair":
        """The pair that `secret`, of 256 bits at least, makes: the same each time."""
        return cls(kind, Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"nkey {secret}".encode()).digest()))

    @classmethod
    def from_seed(cls, text: str) -> "KeyPair":
        """The pair of a seed (S…). Raises NkeyError."""
        raw = _unframe(text, 2 + _RAW_BYTES)
        if raw[0] & 0xF8 != _SEED:
            raise NkeyError("not a seed")
        kind = (raw[0] & 7) << 5 | raw[1] >> 3
        return cls(kind, Ed25519PrivateKey.from_private_bytes(raw[2:]))

    @property
    def seed(self) -> str:
        """The secret as text (S…)."""
        head = bytes((_SEED | self._kind >> 5, (self._kind & 31) << 3))
        return _frame(head + self._private.private_bytes_raw())

    @property
    def public(self) -> str:
        """The public key as text."""
        raw = self._private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return _frame(bytes((self._kind,)) + raw)

    def sign_jwt(self, claims: dict[str, Any]) -> str:
        """`claims` as a JWT of this issuer; `iss` and `jti` are added."""
        claims = {**claims, "iss": self.public}
        digest = hashlib.sha256(json.dumps(claims, sort_keys=True).encode()).digest()
        claims["jti"] = base64.b32encode(digest).decode().rstrip("=")
        signed = f"{_pack(_HEADER)}.{_pack(claims)}"
        return f"{signed}.{_base64(self._private.sign(signed.encode()))}"


def open_jwt(text: str, kind: int) -> dict[str, Any]:
    """The claims of a JWT that is signed by its own issuer, a key of `kind`. Raises NkeyError."""
    try:
        head, body, signature = text.split(".")
        header, claims = _unpack(head), _unpack(body)
        if header.get("alg") != _HEADER["alg"]:
            raise NkeyError("a JWT of another algorithm")
        public_key(claims["iss"], kind).verify(_unbase64(signature), f"{head}.{body}".encode())
    except InvalidSignature:
        raise NkeyError("the JWT's signature is wrong") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NkeyError("not a JWT" if not isinstance(error, NkeyError) else str(error)) from None
    return claims


def public_key(text: str, kind: int) -> Ed25519PublicKey:
    """The public key that `text` says. Raises NkeyError where it is not one of `kind`."""
    raw = _unframe(text, 1 + _RAW_BYTES)
    if raw[0] != kind:
        raise NkeyError("a key of another kind")
    return Ed25519PublicKey.from_public_bytes(raw[1:])


def _frame(raw: bytes) -> str:
    whole = raw + binascii.crc_hqx(raw, 0).to_bytes(2, "little")
    return base64.b32encode(whole).decode().rstrip("=")


def _unframe(text: str, size: int) -> bytes:
    try:
        whole = base64.b32decode(text + "=" * (-len(text) % 8))
    except (ValueError, TypeError):
        raise NkeyError("not a key") from None
    raw = whole[:-2]
    if len(raw) != size or binascii.crc_hqx(raw, 0).to_bytes(2, "little") != whole[-2:]:
        raise NkeyError("not a key")
    return raw


def _pack(value: dict[str, Any]) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _unpack(text: str) -> dict[str, Any]:
    value = json.loads(_unbase64(text))
    if not isinstance(value, dict):
        raise NkeyError("not a JWT")
    return value


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _unbase64(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
