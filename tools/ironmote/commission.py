"""A board becomes a mote, by cable: measured, given its channel, its files and secrets, its time, and started.

    1  stopped             before its program runs, so that no watchdog bites in the middle
    2  measured            the mote's own code says what firmware and board can do; that decides the channel
    3  what is missing     is written in the order of a plan (ironmote.provision), each thing read back by its hash
    4  what is old         is removed from the mote's folder
    5  clock               set to this computer's, in UTC
    6  started             and, where somebody listens, heard

A cable that is pulled anywhere leaves the board's earlier life whole, or a mote that says nothing until the same
command has been given again: what is there already is not written a second time.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mote import cbor, channel
from mote import settings as device_settings
from mote.channel import Facts

from . import device, provision
from .boards import Profile
from .cable import Cable
from .errors import IronmoteError
from .prompt import Prompt
from .provision import Place, Write

_CODE = "/lib/"


@dataclass(frozen=True)
class Choice:
    """The channel that the measured facts decided, and why, as one sentence."""

    channel: str
    why: str
    facts: Facts


@dataclass(frozen=True)
class Outcome:
    """What was done: how many files and secrets were written, and how many files of ours that nobody needs removed."""

    choice: Choice
    files: int
    secrets: int
    removed: int
    heard: bool | None  # None: nobody listened


@dataclass(frozen=True)
class Content:
    """What one mote's board shall hold: every file by its path, settings among them, and every secret by its name."""

    files: Mapping[str, bytes]
    secrets: Mapping[str, bytes]


def commission(
    port: str,
    profile: Profile,
    wanted: str,
    floor: str,
    content: Callable[[Choice, Mapping[str, Any] | None], Content],
    on_phase: Callable[[str], None] = lambda words: None,
    on_write: Callable[[int, int, Write], None] = lambda number, count, write: None,
    written: Callable[[Content], None] = lambda content: None,
    heard: Callable[[], bool] | None = None,
    accept: Callable[[Mapping[str, Any] | None], None] = lambda before: None,
    in_force: Callable[[Content], None] = lambda content: None,
) -> Outcome:
    """Make the board at `port` a mote; `wanted` and `floor` are channels as the settings name them.

    `content` says what the board shall hold when its channel is known; it is given the settings that the board holds
    now, or None, also where it does not live the life that they name. `in_force` is called before the write that puts
    it in force, if one is needed, `written` when the board holds it all, before it is started. `heard` waits for a
    first verified reading and says whether one came. `accept` is given those settings before anything is written, and
    may raise. Raises BoardError where the line or the board fails, IronmoteError where no channel is possible: then
    nothing of a life was written.
    """
    on_phase("stopping the board")
    with Prompt(port) as prompt:
        cable = Cable(prompt, profile)
        on_phase("measuring what it can do")
        before = settings_of(cable)
        accept(before)
        choice = choose(cable, profile, wanted, floor)
        target = content(choice, before)
        writes = provision.plan(target.files, target.secrets)
        on_phase("comparing what it holds")
        held = cable.held(writes)
        if before is not None and not provision.goes_on(writes, held):
            # It has lost its key or its counters, or says what is not so: under the same key it would count anew.
            target = content(choice, None)
            writes = provision.plan(target.files, target.secrets)
            held = cable.held(writes)
        missing = provision.remaining(writes, held)
        on_phase("writing")
        removed = _carry_out(cable, missing, target.files, on_write, lambda: in_force(target))
        written(target)
        on_phase("setting its clock")
        cable.set_clock()
        cable.start()
    on_phase("waiting for its first reading" if heard else "started")
    secrets = sum(each.place is Place.VAULT for each in missing)
    files = len({each.name for each in missing if each.place is Place.FLASH})
    return Outcome(choice, files, secrets, removed, heard() if heard else None)


def choose(cable: Cable, profile: Profile, wanted: str, floor: str) -> Choice:
    """Measure the board and decide its channel. The code that measures is put there, if it is not: it is the mote's.

    Where that changes something, the settings are erased first: a mote never runs on code of two kinds.
    """
    code = provision.plan({device_settings.PATH: b""} | device.probe(profile), {})
    probe = [each for each in code if each.name.startswith(_CODE)]
    held = cable.held(code)
    missing = [each for each in probe if not provision.there(each, held)]
    if missing:
        for each in (Write(Place.FLASH, device_settings.PATH, b""), *missing):
            cable.write(each)
    facts = cable.facts(profile.room)
    try:
        chosen, why = channel.choose(wanted, floor, facts)
    except channel.ChannelError as error:
        raise IronmoteError(f"{profile.name}: {error}") from error
    return Choice(chosen, why, facts)


def settings_of(cable: Cable) -> Mapping[str, Any] | None:
    """The settings that the board holds; None where there are none, or what is there cannot be read."""
    return settings_in(cable.read(device_settings.PATH))


def settings_in(data: bytes | None) -> Mapping[str, Any] | None:
    """The settings in `data`, the content of a board's file; None where there is none, or it cannot be read."""
    try:
        found = device_settings.decode(data) if data else None
    except cbor.CborError:
        return None
    return found if isinstance(found, dict) else None


def _carry_out(
    cable: Cable,
    writes: Sequence[Write],
    wanted: Collection[str],
    on_write: Callable[[int, int, Write], None],
    in_force: Callable[[], None],
) -> int:
    """Write `writes` in their order; before the last, which puts all in force, remove what is not `wanted`, and tell.

    Returns how many files were removed.
    """
    stale: Sequence[str] = ()
    for number, write in enumerate(writes):
        if number == len(writes) - 1:
            stale = cable.remove_stale(wanted)
            in_force()
        on_write(number, len(writes), write)
        cable.write(write)
    return len(stale if writes else cable.remove_stale(wanted))
