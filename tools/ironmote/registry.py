"""What the tools know of each mote, one file a mote: registry/<id>.json. Public, and fit for git.

The key store alone says which root key is good; here the generation is noted a second time, so that a key store that
was put back from an old copy is found out, and so that an id whose keys were erased goes on counting.
"""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from mote import channel

from . import durable
from .errors import IronmoteError
from .fleet import MAX_GENERATION

_LONGEST = 65_536
_LATEST = 2**37  # seconds since 1970, within what a calendar of every system has


class RegistryError(IronmoteError):
    """A file of the registry is not one."""


@dataclass
class Entry:
    """One mote. Times are seconds since 1970.

    `channel` and `why` are what its board's facts led to; `serial` (hexadecimal) and `expires` those of its newest
    certificate; `provisioned` the SHA-256 of what its board was last given, at `provisioned_at`.
    `removed` is set where only the generation is kept.
    """

    generation: int = 0
    channel: str | None = None
    why: str = ""
    serial: str | None = None
    expires: int | None = None
    provisioned: str | None = None
    provisioned_at: int | None = None
    revoked: bool = False
    removed: bool = False


_TYPES: dict[str, tuple[type, ...]] = {
    "generation": (int,),
    "channel": (str, type(None)),
    "why": (str,),
    "serial": (str, type(None)),
    "expires": (int, type(None)),
    "provisioned": (str, type(None)),
    "provisioned_at": (int, type(None)),
    "revoked": (bool,),
    "removed": (bool,),
}


def read(path: Path) -> Entry:
    """The entry in the file; an empty one where there is no file. Raises RegistryError."""
    try:
        with path.open("rb") as file:
            found: dict[str, Any] = json.loads(file.read(_LONGEST))
        if not isinstance(found, dict):
            raise ValueError("it is no object")
        if set(found) - set(_TYPES):
            raise ValueError(f"there is no {min(set(found) - set(_TYPES))}")
        for name, value in found.items():
            if type(value) not in _TYPES[name]:
                raise ValueError(f"{name} is of the wrong type")
        entry = Entry(**found)
        for when in (entry.expires, entry.provisioned_at):
            if when is not None and not 0 <= when <= _LATEST:
                raise ValueError("a time is in seconds since 1970")
        if not 0 <= entry.generation <= MAX_GENERATION:
            raise ValueError(f"generation is a number from 0 to {MAX_GENERATION}")
        if entry.channel is not None and entry.channel not in channel.CHANNELS:
            raise ValueError(f"channel is one of {', '.join(channel.CHANNELS)}")
    except FileNotFoundError:
        return Entry()
    except (ValueError, TypeError, RecursionError) as error:
        raise RegistryError(f"{path} is not as ironmote wrote it ({error}); take it from a copy") from error
    return entry


def write(path: Path, entry: Entry) -> None:
    """Replace the file. What has its default is left out, so that git shows what changed and no more."""
    default = Entry()
    kept = {each.name for each in fields(Entry) if getattr(entry, each.name) != getattr(default, each.name)}
    text = json.dumps({name: value for name, value in asdict(entry).items() if name in kept}, indent=1)
    durable.replace(path, text + "\n", durable.PUBLIC)
