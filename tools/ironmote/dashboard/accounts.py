"""Who may sign in to the dashboard: names, roles and hashes of passphrases (Argon2id, RFC 9106), in one file.

There is no account until somebody makes one. What is hashed costs what a try of the key store's passphrase costs.
"""

import contextlib
import json
import os
import re
import threading
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from .. import durable, encrypted, secret_files
from ..errors import IronmoteError

# Each may what those before it may.
MONITOR, CONTROLLER, ADMINISTRATOR = ROLES = ("monitor", "controller", "administrator")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
_LONGEST = 1_024  # letters of a passphrase
_MOST = 1_000
_HASH_BYTES, _SALT_BYTES = 32, 16


class AccountError(IronmoteError):
    """There is no such account, or it cannot be made."""


@dataclass(frozen=True)
class Account:
    """One account. `phc` is the hash of its passphrase, with its salt and cost, as PHC strings have it."""

    name: str
    role: str
    phc: str = field(repr=False)

    def may(self, role: str) -> bool:
        """True where it may do what `role` may."""
        return ROLES.index(self.role) >= ROLES.index(role)


class Accounts:
    """The accounts in the file at `path`, read again when it has changed. Any thread may ask, one may change them."""

    def __init__(self, path: Path, cost: encrypted.Cost | None = None) -> None:
        """`cost` is that of new hashes."""
        self._path = path
        self._cost = (cost or encrypted.Cost()).check()
        self._read: tuple[int, int, int] | None = None
        self._found: dict[str, Account] = {}
        self._lock = threading.Lock()
        self._nobody = ""

    def all(self) -> dict[str, Account]:
        """Every account, by name. Raises AccountError where the file is damaged."""
        with self._lock:
            try:
                about = self._path.stat()
            except FileNotFoundError:
                self._read, self._found = None, {}
                return self._found
            stamp = (about.st_mtime_ns, about.st_ino, about.st_size)
            if stamp != self._read:
                self._found = _parse(self._path)
                self._read = stamp
            return self._found

    def verified(self, name: str, passphrase: str) -> Account | None:
        """The account, where this is its passphrase. It takes the same time and memory whether there is one or not."""
        account = self.all().get(name)
        if not self._nobody:  # what a name that is none is tried against: it takes as long
            self._nobody = _hash("", self._cost)
        right = _matches(passphrase, account.phc if account is not None else self._nobody)
        return account if right else None

    def add(self, name: str, role: str, passphrase: str) -> None:
        """Make the account, or give the one that there is this role and passphrase. Raises AccountError, OSError."""
        check_name(name)
        if role not in ROLES:
            raise AccountError(f"there is no role {role!r}; there are {', '.join(ROLES)}")
        if len(passphrase) > _LONGEST:
            raise AccountError(f"a passphrase has at most {_LONGEST} letters")
        found = dict(self.all())
        found[name] = Account(name, role, _hash(passphrase, self._cost))
        if len(found) > _MOST:
            raise AccountError(f"there are {_MOST} accounts already; remove one")
        self._write(found)

    def remove(self, name: str) -> None:
        """Remove the account; its sessions end. Raises AccountError where there is none."""
        found = dict(self.all())
        if found.pop(name, None) is None:
            raise AccountError(f"there is no account called {name!r}")
        self._write(found)

    def _write(self, found: dict[str, Account]) -> None:
        secret_files.make_folder(self._path.parent)
        fields = {each.name: {"role": each.role, "hash": each.phc} for each in found.values()}
        durable.replace(self._path, json.dumps(fields, indent=1) + "\n", durable.PRIVATE)


def check_name(name: str) -> str:
    """Return `name`, which an account may have. Raises AccountError."""
    if not _NAME.fullmatch(name):
        raise AccountError(f"{name!r} cannot be an account's name: 1 to 32 of a-z, 0-9, '.', '_' and '-'")
    return name


def _parse(path: Path) -> dict[str, Account]:
    try:
        with path.open("rb") as file:
            if os.name == "posix" and os.fstat(file.fileno()).st_mode & 0o077:
                raise AccountError(f"{path} can be read by others: chmod 600 {path}")
            found = json.loads(file.read(2**20))
        accounts = {name: Account(check_name(name), each["role"], each["hash"]) for name, each in found.items()}
        for each in accounts.values():
            if each.role not in ROLES or not isinstance(each.phc, str):
                raise ValueError
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise AccountError(f"{path} is damaged; remove it, and make the accounts anew") from None
    return accounts


def _hash(passphrase: str, cost: encrypted.Cost) -> str:
    kdf = Argon2id(
        salt=os.urandom(_SALT_BYTES),
        length=_HASH_BYTES,
        iterations=cost.passes,
        lanes=cost.lanes,
        memory_cost=cost.memory_kib,
    )
    return kdf.derive_phc_encoded(_bytes(passphrase))


def _matches(passphrase: str, phc: str) -> bool:
    with contextlib.suppress(InvalidKey, ValueError):
        Argon2id.verify_phc_encoded(_bytes(passphrase[:_LONGEST]), phc)
        return True
    return False


def _bytes(passphrase: str) -> bytes:
    """The same letters can be typed as other bytes elsewhere."""
    return unicodedata.normalize("NFC", passphrase).encode(errors="surrogateescape")
