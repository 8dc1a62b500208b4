"""Whom the authenticator of one zone lets in: ids and connect keys, never a root and never a seal key.

The file is JSON, its owner's alone. It is replaced whole, by a rename, and read again when it has changed: whoever is
added can connect at once, and whoever is taken off cannot any more.

    {"zone": "clear", "motes": {"cellar": {"keys": ["<64 hex digits>"], "static": false}}}

`keys` has the newest generation first; there are two while a rotation is under way.
"""

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mote import keys, topics

from .. import durable
from ..errors import IronmoteError
from ..fleet import CLEAR, Fleet

_KEY_BYTES = 32
_MOST_KEYS = 2
_LIMIT = 64 * 2**20


class RosterError(IronmoteError):
    """The roster cannot be read, or is not one."""


@dataclass(frozen=True)
class Entry:
    """One mote: its id, its connect keys (newest first), and whether its settings say `static`."""

    id: str
    keys: tuple[bytes, ...] = field(repr=False)
    static: bool = False

    @property
    def prefix(self) -> str:
        """The first level of its topics. Motes that show a token are those that seal (rule: no plaintext)."""
        return str(topics.SEALED)


@dataclass(frozen=True)
class Roster:
    """The motes of one zone, by id."""

    zone: str
    entries: Mapping[str, Entry]

    def to_json(self) -> str:
        """The text of the file. It holds keys."""
        motes = {
            entry.id: {"keys": [key.hex() for key in entry.keys], "static": entry.static}
            for entry in self.entries.values()
        }
        return json.dumps({"zone": self.zone, "motes": motes}, indent=1) + "\n"


def of_fleet(fleet: Fleet, zone: str = CLEAR) -> Roster:
    """The motes of `fleet` that show a token in `zone`: those that connect without TLS."""
    found = [mote for mote in fleet.clear() if mote.zone == zone]
    return Roster(
        zone, {mote.id: Entry(mote.id, mote.connect_keys(fleet.id), mote.connect == "static") for mote in found}
    )


def key_id(connect_key: bytes) -> bytes:
    """Eight bytes that name a key and tell nothing of it."""
    mac: bytes = keys.hmac_sha256(connect_key, b"ironmote 1 connect key id")
    return mac[:8]


def parse(text: str | bytes) -> Roster:
    """The roster in the text of a file. Raises RosterError, which never quotes the text."""
    try:
        found = json.loads(text)
        entries = {name: _entry(name, fields) for name, fields in found["motes"].items()}
        zone = topics.check_id(found["zone"])
        if set(found) != {"zone", "motes"}:
            raise ValueError
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise RosterError("the roster is not of the form of one") from None
    return Roster(zone, entries)


def _entry(name: str, fields: dict[str, Any]) -> Entry:
    found = tuple(bytes.fromhex(key) for key in fields["keys"])
    if (
        set(fields) - {"keys", "static"}
        or not 1 <= len(found) <= _MOST_KEYS
        or any(len(key) != _KEY_BYTES for key in found)
        or not isinstance(fields.get("static", False), bool)
    ):
        raise ValueError
    return Entry(topics.check_id(name), found, fields.get("static", False))


def write(path: Path, roster: Roster) -> None:
    """Put `roster` in the place of the file at `path`: at every moment there is the old one or the new one, whole."""
    durable.replace(path, roster.to_json())


class RosterFile:
    """The roster in a file, as it is now. Use from any thread."""

    def __init__(self, path: Path) -> None:
        """Read it. Raises RosterError."""
        self._path = path
        self._lock = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._roster: Roster | None = None
        self.current()

    def current(self) -> Roster:
        """The roster that the file holds at this moment. Raises RosterError; then nobody may be let in."""
        with self._lock:
            try:
                with self._path.open("rb") as file:
                    status = os.fstat(file.fileno())
                    seen = (status.st_ino, status.st_mtime_ns, status.st_size)
                    if self._roster is None or seen != self._seen:
                        self._seen, self._roster = None, None
                        if status.st_size > _LIMIT:
                            raise RosterError(f"{self._path} is larger than any roster")
                        self._roster = parse(file.read(_LIMIT))
                        self._seen = seen
            except OSError as error:
                self._seen, self._roster = None, None
                raise RosterError(f"{self._path} cannot be read: {error.strerror}") from error
            return self._roster
