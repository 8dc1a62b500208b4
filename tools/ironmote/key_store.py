"""The key store of a fleet: every secret of it in one file, encrypted as a whole (ironmote.encrypted).

Its key comes from a passphrase, or is kept in the system's keyring. There is no third form, and none in the clear.
"""

import base64
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mote import topics

from . import durable, encrypted
from .errors import IronmoteError
from .fleet import MAX_GENERATION, ROOT_BYTES

KIND = "keys"
SERVICE = "ironmote"  # under which a keyring keeps our keys


class KeyStoreError(IronmoteError):
    """The key store cannot be read, opened or written."""


@dataclass
class MoteKeys:
    """The root key of a mote, which generation it is, and the one that follows it while a rotation is under way."""

    generation: int
    root: bytes = field(repr=False)
    successor: bytes | None = field(default=None, repr=False)


@dataclass
class Secrets:
    """All that is secret in a fleet.

    `authority` and `leaves` are private keys (PKCS #8, DER), leaves by the name of their certificate; `wifi` are
    passphrases by network; `passwords` are those of services, by name. No secrets, but not to be altered: `revoked`,
    serial numbers in hexadecimal and when they were revoked (seconds since 1970), `issued`, those of each name that
    were not, and `marks`, what the certificates of a name carry until one of them is revoked.
    """

    fleet_id: bytes
    authority: bytes = field(repr=False)
    motes: dict[str, MoteKeys] = field(default_factory=dict)
    leaves: dict[str, bytes] = field(default_factory=dict, repr=False)
    wifi: dict[str, str] = field(default_factory=dict, repr=False)
    passwords: dict[str, str] = field(default_factory=dict, repr=False)
    revoked: dict[str, int] = field(default_factory=dict)
    revocations: int = 0  # how many lists were signed: the number of the last
    issued: dict[str, list[str]] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """As the file holds it once it is decrypted."""
        motes = {
            name: [keys.generation, keys.root.hex(), None if keys.successor is None else keys.successor.hex()]
            for name, keys in self.motes.items()
        }
        leaves = {name: base64.b64encode(key).decode() for name, key in self.leaves.items()}
        fields = {
            "fleet": self.fleet_id.hex(),
            "authority": base64.b64encode(self.authority).decode(),
            "motes": motes,
            "leaves": leaves,
            "wifi": self.wifi,
            "passwords": self.passwords,
            "revoked": self.revoked,
            "revocations": self.revocations,
            "issued": self.issued,
            "marks": self.marks,
        }
        return json.dumps(fields).encode()

    @classmethod
    def from_json(cls, data: bytes) -> "Secrets":
        """The secrets in `data`. Raises KeyStoreError, which never quotes it."""
        try:
            found: dict[str, Any] = json.loads(data)
            secrets = cls(
                bytes.fromhex(found.pop("fleet")),
                base64.b64decode(found.pop("authority"), validate=True),
                {topics.check_id(name): _mote_keys(*keys) for name, keys in found.pop("motes").items()},
                {name: base64.b64decode(key, validate=True) for name, key in found.pop("leaves").items()},
                _texts(found.pop("wifi")),
                _texts(found.pop("passwords")),
                {f"{int(serial, 16):x}": int(when) for serial, when in found.pop("revoked").items()},
                int(found.pop("revocations")),
                {name: [f"{int(each, 16):x}" for each in serials] for name, serials in found.pop("issued", {}).items()},
                _texts(found.pop("marks", {})),
            )
            if found:
                raise ValueError
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise KeyStoreError("the key store is whole, but of another version of ironmote") from None
        return secrets


def _mote_keys(generation: int, root: str, successor: str | None) -> MoteKeys:
    keys = MoteKeys(generation, bytes.fromhex(root), None if successor is None else bytes.fromhex(successor))
    lengths = {len(key) for key in (keys.root, keys.successor) if key is not None}
    if type(generation) is not int or not 1 <= generation <= MAX_GENERATION or lengths != {ROOT_BYTES}:
        raise ValueError
    return keys


def _texts(found: dict[str, str]) -> dict[str, str]:
    if not all(isinstance(text, str) for text in found.values()):
        raise TypeError
    return dict(found)


class KeyStore:
    """One key store on the disk that is open: its key is known. Writers take the folder's lock first."""

    def __init__(self, path: Path, key: encrypted.Key) -> None:
        """For `create` and `open`."""
        self._path = path
        self._key = key

    @classmethod
    def create(cls, path: Path, key: encrypted.Key, secrets: Secrets) -> "KeyStore":
        """Write a new one. Raises KeyStoreError where there is one already."""
        if path.exists():
            raise KeyStoreError(f"{path} is there already, and holds keys; move it away if nobody needs them")
        store = cls(path, key)
        store.save(secrets)
        return store

    @classmethod
    def open(cls, path: Path, passphrase: Callable[[], str]) -> tuple["KeyStore", Secrets]:
        """The store at `path` and what is in it. `passphrase` is called where one is needed. Raises KeyStoreError."""
        data = _read(path)
        try:
            key = _key(encrypted.header(data, KIND), passphrase)
            return cls(path, key), Secrets.from_json(key.decrypt(data))
        except encrypted.EncryptedError as error:
            raise KeyStoreError(f"{path} does not open: {error}") from error

    def load(self) -> Secrets:
        """What is in it now, without asking for anything: another process may have written it meanwhile."""
        data = _read(self._path)
        try:
            if encrypted.header(data, KIND) != self._key.header:
                raise KeyStoreError(f"{self._path} was replaced meanwhile; begin again")
            return Secrets.from_json(self._key.decrypt(data))
        except encrypted.EncryptedError as error:
            raise KeyStoreError(f"{self._path} does not open: {error}") from error

    def save(self, secrets: Secrets) -> None:
        """Replace what is in it, whole; it is on the disk when this returns. Raises OSError."""
        durable.replace(self._path, self._key.encrypt(secrets.to_json()))


def _read(path: Path) -> bytes:
    try:
        return encrypted.read(path)
    except encrypted.EncryptedError as error:
        raise KeyStoreError(f"{path} is no key store: {error}") from error
    except FileNotFoundError:
        raise KeyStoreError(
            f"there is no key store at {path}: a copy of the folder has none; ironmote import brings one with its keys"
        ) from None


def _key(header: encrypted.Header, passphrase: Callable[[], str]) -> encrypted.Key:
    if header.by_passphrase:
        return encrypted.open_by_passphrase(header, passphrase())
    return encrypted.Key(header, _from_keyring(header.entry))


def new_in_keyring(kind: str = KIND) -> encrypted.Key:
    """A new key that the system's keyring keeps. Raises KeyStoreError where there is none that is safe."""
    import keyring.errors

    _check_keyring()
    entry, master = f"keys {os.urandom(8).hex()}", os.urandom(encrypted.KEY_BYTES)
    try:
        keyring.set_password(SERVICE, entry, base64.b64encode(master).decode())
    except keyring.errors.KeyringError as error:
        raise KeyStoreError("the system's keyring took no key; unlock it, or use a passphrase") from error
    return encrypted.new_by_key(kind, entry, master)


def _from_keyring(entry: str) -> bytes:
    import keyring.errors

    _check_keyring()
    try:
        found = keyring.get_password(SERVICE, entry)
    except keyring.errors.KeyringError as error:
        raise KeyStoreError("the system's keyring gave no key; unlock it") from error
    try:
        master = base64.b64decode(found or "", validate=True)
    except ValueError:
        master = b""
    if len(master) != encrypted.KEY_BYTES:
        raise KeyStoreError(f"the system's keyring has no entry {entry!r} of {SERVICE}; import the fleet from a copy")
    return master


def _check_keyring() -> None:
    """Raise KeyStoreError where there is no keyring, or one that keeps its entries in the clear."""
    import keyring
    from keyring.backends import fail, null

    backend = keyring.get_keyring()
    parts = getattr(backend, "backends", [backend])
    if any(type(part).__name__.lower().startswith("plaintext") for part in parts):
        raise KeyStoreError("this keyring keeps its entries in the clear; use a passphrase")
    if not parts or all(isinstance(part, (fail.Keyring, null.Keyring)) for part in parts):
        raise KeyStoreError("this system has no keyring; use a passphrase")
