"""Firmware files that somebody vouches for, by their SHA-256: firmware/versions.toml, and firmware.toml of a fleet.

A file is looked up by its name alone and has to be the very bytes that were pinned, for the chip they were pinned for.
"""

import hashlib
import struct
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import tree
from .errors import IronmoteError

NAME = "firmware.toml"  # in the fleet's folder
_MAGIC = 0xE9
_CHIP_AT = 12  # of the extended header, which all chips but the ESP8266 have
_LARGEST = 64 << 20


@dataclass(frozen=True)
class Firmware:
    """One image: its bytes, the chip it is for, and the flash address of its first byte."""

    content: bytes
    chip: str
    at: int


def shipped() -> Path:
    """The pins that come with ironmote."""
    return tree.find().firmware / "versions.toml"


def load(path: Path, pins: Sequence[Path]) -> Firmware:
    """The firmware in the file at `path`, which one of the files `pins` vouches for. Raises IronmoteError."""
    content = _read(path)
    for source in pins:
        entry = _entries(source).get(path.name)
        if entry is None:
            continue
        try:
            sha256, chip, at = str(entry["sha256"]), str(entry["chip"]), int(str(entry["at"]))
        except (KeyError, TypeError, ValueError) as error:
            raise IronmoteError(f"{source}: {path.name} needs sha256, chip and at") from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise IronmoteError(f"{path} is not the one in {source.name}: its SHA-256 is another; download it anew")
        return Firmware(content, chip, at)
    raise IronmoteError(f"nobody vouches for {path.name}; once you do: ironmote flash {path} --board BOARD --pin")


def pin(path: Path, chip: str, at: int, chip_number: int | None, pins: Path) -> Firmware:
    """Vouch for the firmware at `path`: write its name, SHA-256, `chip` and address into the file `pins`.

    `chip_number` is the chip's in the image's extended header, None for chips whose images have none. Raises
    IronmoteError where it is no image, or one for another chip, or where its name is pinned with other bytes.
    """
    content = _read(path)
    if len(content) < _CHIP_AT + 2 or content[0] != _MAGIC:
        raise IronmoteError(f"{path} is no firmware for an {chip}: it does not begin as one")
    number = struct.unpack_from("<H", content, _CHIP_AT)[0]
    if chip_number is not None and number != chip_number:
        raise IronmoteError(f"{path} is firmware for another chip than the {chip}")
    digest = hashlib.sha256(content).hexdigest()
    known = _entries(pins).get(path.name)
    if known is not None and known.get("sha256") != digest:
        raise IronmoteError(f"{pins} vouches for another {path.name}; remove its table there if this one is right")
    if known is None:
        with pins.open("a", encoding="utf-8") as file:
            file.write(f'\n["{path.name}"]\nsha256 = "{digest}"\nchip = "{chip}"\nat = {at:#x}\n')
    return Firmware(content, chip, at)


def _read(path: Path) -> bytes:
    if '"' in path.name or "\\" in path.name:
        raise IronmoteError(f"{path}: a firmware file's name has letters, digits, dots, dashes and underscores")
    if path.stat().st_size > _LARGEST:
        raise IronmoteError(f"{path} is larger than any flash of these chips")
    return path.read_bytes()


def _entries(pins: Path) -> dict[str, dict[str, object]]:
    try:
        with pins.open("rb") as file:
            return {name: entry for name, entry in tomllib.load(file).items() if isinstance(entry, dict)}
    except FileNotFoundError:
        return {}
    except tomllib.TOMLDecodeError as error:
        raise IronmoteError(f"{pins}: {error}") from error
