"""A whole fleet, keys and all, in one encrypted file: what ironmote export writes and ironmote import reads."""

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import durable, encrypted
from .encrypted import Cost
from .errors import IronmoteError
from .fleet_paths import FLEET_FILE
from .key_store import Secrets
from .open_folder import OpenFolder

KIND = "fleet"
_MOST_FILES = 100_000
_FILE = re.compile(
    r"fleet\.toml|motes/[a-z0-9-]{1,23}\.toml|registry/[a-z0-9-]{1,23}\.json"
    r"|public/(?:ca|crl)\.pem|public/certs/[a-z0-9][a-z0-9.-]{0,63}\.pem"
)


class ArchiveError(IronmoteError):
    """The file is not an exported fleet, or does not open."""


def check_new(path: Path) -> None:
    """Raise ArchiveError where there is a file at `path`."""
    if path.exists():
        raise ArchiveError(f"{path} is there already; take another name")


def write(path: Path, held: OpenFolder, passphrase: str, cost: Cost | None = None) -> int:
    """Put the fleet into the file at `path` (0600), under `passphrase`; returns the file's size in bytes.

    Raises ArchiveError where there is such a file, OSError.
    """
    check_new(path)
    root = held.folder.paths.root
    names = (each.relative_to(root).as_posix() for each in sorted(root.rglob("*")) if each.is_file())
    files = {name: _text((root / name).read_bytes()) for name in names if _FILE.fullmatch(name)}
    content = {"files": files, "secrets": _text(held.secrets.to_json())}
    data = encrypted.new_by_passphrase(KIND, passphrase, cost).encrypt(json.dumps(content).encode())
    if len(data) > encrypted.LONGEST:
        raise ArchiveError(f"the fleet takes more than {encrypted.LONGEST} bytes")
    durable.replace(path, data)
    return len(data)


def read(path: Path, passphrase: Callable[[], str]) -> tuple[Secrets, dict[str, bytes]]:
    """The keys and the files of the fleet in the file at `path`. Raises IronmoteError, OSError."""
    try:
        data = encrypted.read(path)
        header = encrypted.header(data, KIND)
        content = encrypted.open_by_passphrase(header, passphrase()).decrypt(data)
    except encrypted.EncryptedError as error:
        raise ArchiveError(f"{path} does not open: {error}") from error
    try:
        found: dict[str, Any] = json.loads(content)
        files = {name: base64.b64decode(text, validate=True) for name, text in found["files"].items()}
        secrets = Secrets.from_json(base64.b64decode(found["secrets"], validate=True))
        if FLEET_FILE not in files or len(files) > _MOST_FILES or not all(map(_FILE.fullmatch, files)):
            raise ValueError
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ArchiveError(f"{path} opens, but was written by another version of ironmote") from None
    return secrets, files


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
