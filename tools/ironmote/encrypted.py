"""Bytes under a key that comes from a passphrase, or from elsewhere: encrypted and authenticated as a whole.

    {"ironmote": KIND, "v": 1, "kdf": …}\\n    how the master key is had: one line of JSON, at most 512 bytes
    check (16)                                HKDF of the master key: tells a wrong passphrase from a damaged file
    salt (32)                                 random at each writing
    AES-256-GCM of the content, tag (16)      key: HKDF of the master key and the salt, used once, so the nonce is zero;
                                              additional data: all that stands before it

Argon2id is RFC 9106 with the second of its recommended parameters, HKDF is RFC 5869 with SHA-256. Parameters are those
of the file, and are bounded before any memory is taken.
"""

import hmac
import json
import os
import unicodedata
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .errors import IronmoteError

KEY_BYTES = 32
LONGEST = 64 * 2**20  # of a file, in bytes
_SALT = 32
_KDF_SALT = 16
_CHECK = 16
_TAG = 16
_NONCE = bytes(12)
_LONGEST_HEADER = 512
_VERSION = 1
_ARGON2ID, _ELSEWHERE = "argon2id", "keyring"
_MOST_MEMORY_KIB, _MOST_PASSES, _MOST_LANES = 2**20, 16, 16


class EncryptedError(IronmoteError):
    """It does not open: the wrong key, or it is damaged, or it is something else."""


class WrongKeyError(EncryptedError):
    """The passphrase, or the key from elsewhere, is another one."""


@dataclass(frozen=True)
class Cost:
    """What one try of a passphrase costs: Argon2id's memory in KiB, its passes and its lanes."""

    memory_kib: int = 65_536
    passes: int = 3
    lanes: int = 4

    def check(self) -> "Cost":
        """Return it. Raises ValueError where it is none, or more than is ever taken."""
        numbers = (self.memory_kib, self.passes, self.lanes)
        if any(type(number) is not int for number in numbers):
            raise ValueError("not whole numbers")
        if not (1 <= self.passes <= _MOST_PASSES and 1 <= self.lanes <= _MOST_LANES):
            raise ValueError("passes or lanes")
        if not 8 * self.lanes <= self.memory_kib <= _MOST_MEMORY_KIB:
            raise ValueError("memory")
        return self


@dataclass(frozen=True)
class Header:
    """How the master key of a file is had: by a passphrase (`cost`, `salt`), or by name from elsewhere (`entry`)."""

    line: bytes
    cost: Cost | None
    salt: bytes
    entry: str

    @property
    def by_passphrase(self) -> bool:
        """True where a passphrase opens it."""
        return self.cost is not None


@dataclass(frozen=True)
class Key:
    """A master key, and the header of the files that it opens."""

    header: Header
    master: bytes = field(repr=False)

    def encrypt(self, content: bytes) -> bytes:
        """The file that holds `content`."""
        salt = os.urandom(_SALT)
        before = self.header.line + b"\n" + _derive(self.master, b"", b"check", _CHECK) + salt
        key = _derive(self.master, salt, b"content", KEY_BYTES)
        return before + AESGCM(key).encrypt(_NONCE, content, before)

    def decrypt(self, data: bytes) -> bytes:
        """What is in the file `data`, whose header is this key's. Raises WrongKeyError, EncryptedError."""
        at = len(self.header.line) + 1
        if len(data) < at + _CHECK + _SALT + _TAG:
            raise EncryptedError("it is damaged: its end is missing")
        before, check = data[: at + _CHECK + _SALT], data[at : at + _CHECK]
        if not hmac.compare_digest(check, _derive(self.master, b"", b"check", _CHECK)):
            raise WrongKeyError("the passphrase is wrong" if self.header.by_passphrase else "it is under another key")
        key = _derive(self.master, before[-_SALT:], b"content", KEY_BYTES)
        try:
            return AESGCM(key).decrypt(_NONCE, data[len(before) :], before)
        except InvalidTag:
            raise EncryptedError("it is damaged or was altered") from None


def read(path: Path) -> bytes:
    """The file at `path`. Raises EncryptedError where it is too long to be one, OSError."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size > LONGEST:
            raise EncryptedError(f"it has more than {LONGEST} bytes")
        return file.read()


def header(data: bytes, kind: str) -> Header:
    """The header of a file of this `kind`. Raises EncryptedError where it is none."""
    line, newline, _ = data[: _LONGEST_HEADER + 1].partition(b"\n")
    try:
        if not newline:
            raise ValueError
        found = json.loads(line)
        if found.pop("ironmote") != kind:
            raise ValueError
        version = found.pop("v")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise EncryptedError(f"it is no file of {kind} of ironmote, or its beginning is damaged") from None
    if version != _VERSION:
        raise EncryptedError("it was written by another version of ironmote")
    try:
        return _parse(line, found)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise EncryptedError("its beginning is damaged: it does not say how it is opened") from None


def _parse(line: bytes, found: dict[str, Any]) -> Header:
    kdf = found.pop("kdf")
    if kdf == _ELSEWHERE:
        entry = found.pop("entry")
        if found or not isinstance(entry, str):
            raise ValueError
        return Header(line, None, b"", entry)
    salt = bytes.fromhex(found.pop("salt"))
    if kdf != _ARGON2ID or len(salt) != _KDF_SALT:
        raise ValueError
    return Header(line, Cost(**found).check(), salt, "")


def open_by_passphrase(found: Header, passphrase: str) -> Key:
    """The key that `passphrase` makes, right or wrong; it takes the memory and time that the header says."""
    if found.cost is None:
        raise EncryptedError("no passphrase opens it")
    kdf = Argon2id(
        salt=found.salt,
        length=KEY_BYTES,
        iterations=found.cost.passes,
        lanes=found.cost.lanes,
        memory_cost=found.cost.memory_kib,
    )
    # The same letters can be typed as other bytes elsewhere.
    return Key(found, kdf.derive(unicodedata.normalize("NFC", passphrase).encode(errors="surrogateescape")))


def new_by_passphrase(kind: str, passphrase: str, cost: Cost | None = None) -> Key:
    """A new key for files of `kind` that `passphrase` opens."""
    cost = (cost or Cost()).check()
    salt = os.urandom(_KDF_SALT)
    line = _line({"ironmote": kind, "v": _VERSION, "kdf": _ARGON2ID, **asdict(cost), "salt": salt.hex()})
    return open_by_passphrase(Header(line, cost, salt, ""), passphrase)


def new_by_key(kind: str, entry: str, master: bytes) -> Key:
    """A key for files of `kind`, whose 32 bytes are kept elsewhere under the name `entry`."""
    line = _line({"ironmote": kind, "v": _VERSION, "kdf": _ELSEWHERE, "entry": entry})
    return Key(Header(line, None, b"", entry), master)


def _line(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields).encode()


def _derive(master: bytes, salt: bytes, use: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, b"ironmote 1 " + use).derive(master)
