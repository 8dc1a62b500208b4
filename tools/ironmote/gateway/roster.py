"""Whom a gateway serves: a file of the fleet's folder, its owner's alone, that needs no passphrase.

It has seal keys, and never a root key: who has it can read what motes say and speak as them to this gateway, and can
neither connect as one of them nor read their next root key. The tools replace it whole with each change of the fleet,
and a gateway that runs takes that up.

    {"fleet": "<32 hex digits>", "motes": {"cellar": {"generation": 1, "channel": "sealed", "zone": "clear",
     "seal_key": "<64 hex digits>", "board": "esp8266", "why": "…", "actuators": [], "rules": [], …}}}
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mote import channel, topics

from .. import durable, secret_files
from ..errors import IronmoteError
from ..fleet import FLEET_ID_BYTES, MAX_GENERATION, Fleet, Mote
from .event_lines import Told
from .members import Member, Successor, member_of

_KEY_BYTES = 32
_LIMIT = 256 * 2**20


class RosterError(IronmoteError):
    """The roster cannot be read, or is not one."""


@dataclass(frozen=True)
class Entry:
    """One mote: what the gateway trusts it by, and what those who watch want to know.

    `certificate_ends` is in seconds since 1970. `actuators` and `rules` have the form of the mote's settings.
    """

    member: Member
    board: str = ""
    why: str = ""
    certificate_ends: int | None = None
    actuators: tuple[Mapping[str, Any], ...] = ()
    rules: tuple[Mapping[str, Any], ...] = ()

    @property
    def told(self) -> Told:
        """What lines of it need."""
        rules = {str(rule.get("actuator")): rule for rule in self.rules}
        return Told(self.board, self.member.channel, self.why, rules)


@dataclass(frozen=True)
class Roster:
    """The motes of a fleet whose channel is known, by id."""

    fleet_id: bytes
    entries: Mapping[str, Entry] = field(default_factory=dict)

    @property
    def members(self) -> list[Member]:
        """What a Gateway takes."""
        return [entry.member for entry in self.entries.values()]

    def to_json(self) -> str:
        """The text of the file. It holds keys."""
        motes = {name: _plain(entry) for name, entry in sorted(self.entries.items())}
        return json.dumps({"fleet": self.fleet_id.hex(), "motes": motes}, indent=1) + "\n"


def of_fleet(fleet: Fleet) -> Roster:
    """The roster of `fleet`: of its motes whose channel is known."""
    known = [mote for mote in fleet.motes.values() if mote.channel is not None]
    return Roster(fleet.id, {mote.id: entry(mote, fleet.id) for mote in known})


def entry(mote: Mote, fleet_id: bytes, certificate_ends: int | None = None, before: Roster | None = None) -> Entry:
    """The entry of `mote`, whose channel is known.

    An update for a successor that `before` has already is kept, so that the same fleet has the same roster.
    """
    member = member_of(mote, fleet_id)
    known = before.entries.get(mote.id) if before is not None else None
    if known is not None and _same_but_for_updates(known.member, member):
        member = known.member
    return Entry(member, mote.board, mote.why, certificate_ends, tuple(mote.actuators), tuple(mote.rules))


def _same_but_for_updates(one: Member, other: Member) -> bool:
    """True where only the sealing of the successor's update differs, which is another each time."""
    keys = [None if each.successor is None else each.successor.seal_key for each in (one, other)]
    rest = [(each.generation, each.channel, each.seal_key, each.zone, each.revoked) for each in (one, other)]
    return keys[0] == keys[1] and rest[0] == rest[1]


def write(path: Path, roster: Roster) -> bool:
    """Put `roster` in the place of the file at `path`, whole; False where it is there already. Makes its folder."""
    text = roster.to_json()
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    secret_files.make_folder(path.parent)
    durable.replace(path, text)
    return True


def read(path: Path) -> Roster | None:
    """The roster at `path`; None where there is none that can be read."""
    try:
        return parse(path.read_bytes())
    except (OSError, RosterError):
        return None


def parse(text: str | bytes) -> Roster:
    """The roster in the text of a file. Raises RosterError, which never quotes the text."""
    try:
        found = json.loads(text)
        fleet_id = bytes.fromhex(found["fleet"])
        entries = {topics.check_id(name): _entry(name, fields) for name, fields in found["motes"].items()}
        if set(found) != {"fleet", "motes"} or len(fleet_id) != FLEET_ID_BYTES:
            raise ValueError
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise RosterError("the gateway's roster is not as ironmote wrote it; ironmote broker reload does") from None
    return Roster(fleet_id, entries)


def _plain(entry: Entry) -> dict[str, Any]:
    member, follows = entry.member, entry.member.successor
    said = {
        "generation": member.generation,
        "channel": member.channel,
        "zone": member.zone,
        "seal_key": None if member.seal_key is None else member.seal_key.hex(),
        "revoked": member.revoked,
        "board": entry.board,
        "why": entry.why,
        "certificate_ends": entry.certificate_ends,
        "actuators": list(entry.actuators),
        "rules": list(entry.rules),
    }
    if follows is not None:
        said["successor"] = {
            "generation": follows.generation,
            "seal_key": follows.seal_key.hex(),
            "update": follows.update.hex(),
        }
    return said


def _entry(name: str, found: dict[str, Any]) -> Entry:
    generation, key, follows = found["generation"], found["seal_key"], found.get("successor")
    member = Member(
        name,
        _generation(generation),
        found["channel"],
        None if key is None else _key(key),
        topics.check_id(found["zone"]),
        successor=None if follows is None else _successor(follows),
        revoked=found["revoked"],
    )
    if member.channel not in channel.CHANNELS or member.channel.endswith("sealed") is (key is None):
        raise ValueError
    if type(member.revoked) is not bool:
        raise ValueError
    return Entry(
        member,
        str(found["board"]),
        str(found["why"]),
        found["certificate_ends"],
        tuple(found["actuators"]),
        tuple(found["rules"]),
    )


def _successor(found: dict[str, Any]) -> Successor:
    return Successor(_generation(found["generation"]), _key(found["seal_key"]), bytes.fromhex(found["update"]))


def _generation(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= MAX_GENERATION:
        raise ValueError
    return value


def _key(text: str) -> bytes:
    key = bytes.fromhex(text)
    if len(key) != _KEY_BYTES:
        raise ValueError
    return key


class RosterFile:
    """The roster in a file, looked at again whenever it has changed."""

    def __init__(self, path: Path) -> None:
        """For `changed`, which reads it."""
        self._path = path
        self._seen: tuple[int, int, int] | None = None

    def changed(self) -> Roster | None:
        """The roster, where the file is another than when this was asked last; None where it is not.

        Raises RosterError where there is none that can be read; then it is looked at again when it has changed.
        """
        try:
            with self._path.open("rb") as file:
                status = os.fstat(file.fileno())
                seen = (status.st_ino, status.st_mtime_ns, status.st_size)
                if seen == self._seen:
                    return None
                self._seen = seen
                if status.st_size > _LIMIT:
                    raise RosterError(f"{self._path} is larger than any roster")
                return parse(file.read(_LIMIT))
        except FileNotFoundError:
            raise RosterError(f"there is no {self._path}; ironmote broker write makes it") from None
        except OSError as error:
            raise RosterError(f"{self._path} cannot be read: {error.strerror}") from error
