"""Profiles of boards: what a kind of hardware with its firmware is, read from firmware/boards/<name>.toml."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from . import tree
from .errors import IronmoteError

_T = TypeVar("_T")

_BACKLOG_BYTES = 16_384  # where a profile does not say

# Objects are twice as large where pointers have 64 bits instead of 32.
_WORD_RATIO = 2


@dataclass(frozen=True)
class Pins:
    """Default GPIO numbers of a board."""

    i2c_sda: int
    i2c_scl: int
    onewire: int
    relay: int
    dimmer: int
    led: int


@dataclass(frozen=True)
class Profile:
    """One kind of board.

    `room` says that its memory holds a verified TLS session; `frozen` names what its image holds
    frozen: packages of firmware/packages.toml, and "mote" where the device's own code is in the image;
    `backlog_bytes` is how much of its flash a mote may use to bridge an outage; `hide` names the modules that the
    simulation must not offer as the desktop has them.
    """

    name: str
    chip: str
    heap_bytes: int
    room: bool
    nvs: bool
    frozen: tuple[str, ...]
    hide: tuple[str, ...]
    small_int_bits: int
    optimise: int
    backlog_bytes: int
    pins: Pins
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
        raise IronmoteError(f"no board is called {name!r}; there are: {', '.join(names())}")
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
    pins, simulation = table["pins"], table["simulation"]
    return Profile(
        name=name,
        chip=_typed(table, "chip", str),
        heap_bytes=_typed(table, "heap_bytes", int),
        room=_typed(table, "room", bool),
        nvs=_typed(table, "nvs", bool),
        frozen=tuple(_typed(table, "frozen", list)),
        hide=tuple(_typed(table, "hide", list)),
        small_int_bits=_typed(table, "small_int_bits", int),
        optimise=_typed(table, "optimise", int),
        backlog_bytes=_typed(table, "backlog_bytes", int) if "backlog_bytes" in table else _BACKLOG_BYTES,
        pins=Pins(
            _typed(pins["i2c"], "sda", int),
            _typed(pins["i2c"], "scl", int),
            *(_typed(pins, pin, int) for pin in ("onewire", "relay", "dimmer", "led")),
        ),
        frozen_code_bytes=_typed(simulation, "frozen_code_bytes", int),
        sim_bytes=_typed(simulation, "sim_bytes", int),
    )


def _typed(table: dict[str, Any], key: str, kind: type[_T]) -> _T:
    value = table[key]
    if type(value) is not kind:
        raise TypeError(f"{key} is not {kind.__name__}")
    return value
