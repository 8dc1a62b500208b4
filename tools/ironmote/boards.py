"""Profiles of boards: what a kind of hardware with its firmware is, read from firmware/boards/<name>.toml."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from . import tree
from .errors import IronmoteError
from .nearest import nearest

_T = TypeVar("_T")

# Objects are twice as large where pointers have 64 bits instead of 32.
_WORD_RATIO = 2
_MOST_PINS = 64  # of what the settings take as a number


@dataclass(frozen=True)
class Pins:
    """What the GPIO pins of a board can do, by their numbers.

    `usable` are those that a mote may use at all, strapping pins among them; `taken` says what has others, `strapping`
    what a pin decides while the chip starts. `adc` measure voltages, `adc_without_wifi` only while there is no Wi-Fi;
    `adc_apart` says that the converter's number is no GPIO's. `wake` must be free where a mote sleeps deeply.
    """

    usable: frozenset[int]
    taken: Mapping[int, str]
    strapping: Mapping[int, str]
    input_only: frozenset[int]
    adc: frozenset[int]
    adc_without_wifi: frozenset[int]
    adc_apart: bool
    no_pwm: frozenset[int]
    wake: int | None


@dataclass(frozen=True)
class Wiring:
    """What hangs on which GPIO where nobody says otherwise; `led` is the module's own, where its maker put one."""

    i2c_sda: int
    i2c_scl: int
    onewire: int
    relay: int
    dimmer: int
    led: int | None


@dataclass(frozen=True)
class Flash:
    """A board's flash in bytes: its size, where esptool puts the firmware (None: not by esptool), the file system."""

    size: int
    firmware_offset: int | None
    filesystem_offset: int
    filesystem_size: int
    block: int


@dataclass(frozen=True)
class Profile:
    """One kind of board.

    `chip` is esptool's word, `port` that of sys.platform, `machine` the end of os.uname().machine. `room` says that its
    memory holds a verified TLS session, `rtc_memory` that some of it outlives a reset, `thermometer` that the chip has
    one; `heap_source` says where `heap_bytes` is from. `frozen` names what its image holds frozen: packages of
    firmware/packages.toml, and "mote" where the device's own code is in the image. `backlog_bytes` is how much of its
    flash a mote may use to bridge an outage; `hide` names the modules that the simulation must not offer as the
    desktop has them. `longest_sleep_ms` is None where a deep sleep may be as long as settings say, `flash` where there
    is none to write.
    """

    name: str
    chip: str
    port: str
    machine: str
    heap_bytes: int
    heap_source: str
    room: bool
    nvs: bool
    rtc_memory: bool
    thermometer: bool
    frozen: tuple[str, ...]
    hide: tuple[str, ...]
    small_int_bits: int
    optimise: int
    backlog_bytes: int
    flash: Flash | None
    longest_sleep_ms: int | None
    pins: Pins
    wiring: Wiring
    frozen_code_bytes: int
    sim_bytes: int

    @property
    def simulated_heap_bytes(self) -> int:
        """The heap that a simulated board of this kind gets, so that it is as tight as the real one's.

        Twice the board's (objects are twice as large), plus the code that the board's image holds outside its heap,
        plus what the simulation itself takes.
        """
        return _WORD_RATIO * self.heap_bytes + self.frozen_code_bytes + self.sim_bytes


def names() -> list[str]:
    """The names of all boards that have a profile."""
    return sorted(path.stem for path in _folder().glob("*.toml"))


def load(name: str) -> Profile:
    """The profile called `name`. Raises IronmoteError when there is none, or when its file is not right."""
    path = _folder() / f"{name}.toml"
    if name not in names():
        raise IronmoteError(f"no board is called {name!r}; there are: {', '.join(names())}{nearest(name, names())}")
    try:
        with path.open("rb") as file:
            return _profile(tomllib.load(file), name)
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise IronmoteError(f"firmware/boards/{name}.toml is not a board profile: {error}") from error


def _folder() -> Path:
    return tree.find().firmware / "boards"


def _profile(table: dict[str, Any], name: str) -> Profile:
    if table["name"] != name:
        raise ValueError(f"its name is {table['name']!r}")
    simulation = table["simulation"]
    pins = _pins(table["pins"])
    return Profile(
        name=name,
        chip=_typed(table, "chip", str),
        port=_typed(table, "port", str),
        machine=_typed(table, "machine", str),
        heap_bytes=_typed(table, "heap_bytes", int),
        heap_source=_typed(table, "heap_source", str),
        room=_typed(table, "room", bool),
        nvs=_typed(table, "nvs", bool),
        rtc_memory=_typed(table, "rtc_memory", bool),
        thermometer=_typed(table, "thermometer", bool),
        frozen=tuple(_typed(table, "frozen", list)),
        hide=tuple(_typed(table, "hide", list)),
        small_int_bits=_typed(table, "small_int_bits", int),
        optimise=_typed(table, "optimise", int),
        backlog_bytes=_typed(table, "backlog_bytes", int),
        flash=_flash(table["flash"]) if "flash" in table else None,
        longest_sleep_ms=_typed(table, "longest_sleep_ms", int) if "longest_sleep_ms" in table else None,
        pins=pins,
        wiring=_wiring(table["wiring"], pins),
        frozen_code_bytes=_typed(simulation, "frozen_code_bytes", int),
        sim_bytes=_typed(simulation, "sim_bytes", int),
    )


def _flash(table: dict[str, Any]) -> Flash:
    filesystem = table["filesystem"]
    made = Flash(
        _typed(table, "bytes", int),
        _typed(table, "offset", int) if "offset" in table else None,
        *(_typed(filesystem, key, int) for key in ("offset", "bytes", "block")),
    )
    if made.filesystem_offset + made.filesystem_size > made.size:
        raise ValueError("the file system is larger than the flash")
    if made.filesystem_offset % made.block or made.filesystem_size % made.block:
        raise ValueError("the file system is not made of whole blocks")
    return made


def _pins(table: dict[str, Any]) -> Pins:
    taken = {pin: _typed(table["taken"], which, str) for which in table["taken"] for pin in _numbers(which)}
    strapping = {int(which): _typed(table["strapping"], which, str) for which in table["strapping"]}
    sets = {name: _numbers(_typed(table, name, str)) for name in ("usable", "input_only", "adc", "adc_without_wifi")}
    made = Pins(
        taken=taken,
        strapping=strapping,
        adc_apart="adc_apart" in table and _typed(table, "adc_apart", bool),
        no_pwm=_numbers(_typed(table, "no_pwm", str)) if "no_pwm" in table else frozenset(),
        wake=_typed(table, "wake", int) if "wake" in table else None,
        **sets,
    )
    analog = made.adc_without_wifi if made.adc_apart else made.adc_without_wifi | made.adc
    for what, numbers in (("strapping", set(strapping)), ("input_only", made.input_only), ("adc", analog)):
        if numbers - made.usable:
            raise ValueError(f"{what} has pins that are not usable: {spans(numbers - made.usable)}")
    if made.usable & set(taken):
        raise ValueError(f"pins are usable and taken: {spans(made.usable & set(taken))}")
    return made


def _wiring(table: dict[str, Any], pins: Pins) -> Wiring:
    made = Wiring(
        i2c_sda=_typed(table["i2c"], "sda", int),
        i2c_scl=_typed(table["i2c"], "scl", int),
        onewire=_typed(table, "onewire", int),
        relay=_typed(table, "relay", int),
        dimmer=_typed(table, "dimmer", int),
        led=_typed(table, "led", int) if "led" in table else None,
    )
    wired = [made.i2c_sda, made.i2c_scl, made.onewire, made.relay, made.dimmer]
    if len(set(wired)) < len(wired):
        raise ValueError("the wiring has one pin twice")
    if set(wired) - pins.usable or set(wired) & (set(pins.strapping) | pins.input_only):
        raise ValueError("the wiring has pins that are no free outputs")
    return made


def _numbers(text: str) -> frozenset[int]:
    """The pins in "0-5, 12": all from the first to the last of each."""
    found: set[int] = set()
    for part in filter(None, (part.strip() for part in text.split(","))):
        first, _, last = part.partition("-")
        if not 0 <= int(first) <= int(last or first) < _MOST_PINS:
            raise ValueError(f"{part!r} are no pins")
        found.update(range(int(first), int(last or first) + 1))
    return frozenset(found)


def spans(pins: frozenset[int] | set[int]) -> str:
    """`pins` in words, such as "0-5, 12"."""
    found: list[list[int]] = []
    for pin in sorted(pins):
        if found and pin == found[-1][-1] + 1:
            found[-1][1:] = [pin]
        else:
            found.append([pin])
    return ", ".join("-".join(map(str, span)) for span in found)


def _typed(table: dict[str, Any], key: str, kind: type[_T]) -> _T:
    value = table[key]
    if type(value) is not kind:
        raise TypeError(f"{key} is not {kind.__name__}")
    return value
