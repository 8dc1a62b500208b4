"""What is the matter with a board at a serial port: findings, each with its cure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mote import channel, epoch, topics
from mote import settings as device_settings

from . import boards
from .boards import Profile
from .cable import Cable
from .commission import settings_of
from .errors import BoardError, IronmoteError
from .prompt import Prompt

_OLDEST = (1, 24, 0)
_LEAST_ROOM = 65_536


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: `cure` says what to do about it, and is None where it is right."""

    about: str
    words: str
    cure: str | None = None


def examine(port: str, board: str | None) -> list[Finding]:
    """Stop the board at `port`, look at it, and start it again. `board` names its profile, else its settings do.

    Nothing is written, and no secret is read. Raises BoardError where it cannot be reached.
    """
    with Prompt(port) as prompt:
        cable = Cable(prompt, None)
        settings = settings_of(cable)
        profile = _profile(board or (settings or {}).get("board"))
        found = [*_hardware(cable, profile), *_files(cable), *_mote(cable, settings, profile)]
        cable.start()
    return found


def _hardware(cable: Cable, profile: Profile | None) -> list[Finding]:
    is_ = cable.identity()
    version = ".".join(map(str, is_["version"]))
    newer = None if is_["version"] >= _OLDEST else "its firmware is too old: ironmote flash"
    found = [
        Finding("firmware", f"{is_['firmware']} {version}, {is_['machine']}, number {is_['id']}", newer),
        Finding("memory", f"{is_['free']} bytes of heap are free"),
    ]
    room = None if is_["room"] >= _LEAST_ROOM else "remove files that are not the mote's, or: ironmote flash --erase"
    found.append(Finding("flash", f"{is_['room']} bytes are free", room))
    if profile is not None and " with " in is_["machine"]:
        same = is_["machine"].endswith(f" {profile.machine}")
        cure = None if same else "name the right board in the mote's file, and provision it"
        found.append(Finding("board", f"{profile.name} has an {profile.chip}", cure))
    return found


def _files(cable: Cable) -> list[Finding]:
    hiding = [path for path in (*cable.listing("/mote"), *cable.listing("/lib/mote")) if not path.endswith(".mpy")]
    if not hiding:
        return []
    return [Finding("files", f"{hiding[0]} hides the mote's code", "ironmote provision cleans /lib/mote")]


def _mote(cable: Cable, settings: Mapping[str, Any] | None, profile: Profile | None) -> list[Finding]:
    if settings is None:
        return [Finding("mote", "it is none: there are no settings", "ironmote provision")]
    name = settings.get("mote")  # to be typed, so nothing but an id
    again = f"ironmote provision {name}" if topics.is_id(name) else "ironmote provision"
    try:
        device_settings.check(dict(settings))
    except device_settings.SettingsError as error:
        return [Finding("settings", f"they are not right: {error}", again)]
    found = [Finding("mote", f"{settings['mote']}, generation {settings['generation']}")]
    wanted = settings["channel"]
    if profile is not None:
        try:
            _, why = channel.choose(wanted, settings["floor"], cable.facts(profile.room))
            found.append(Finding("channel", f"{wanted}: {why}"))
        except (channel.ChannelError, BoardError) as error:
            found.append(Finding("channel", f"{wanted}: {error}", f"flash firmware that can, and: {again}"))
    if not any(epoch.parse_slot(each) for each in cable.counters()):
        found.append(Finding("boot counter", "no slot is valid: the mote stops", again))
    return found


def _profile(name: Any) -> Profile | None:
    try:
        return boards.load(name) if isinstance(name, str) and name else None
    except IronmoteError:
        return None
