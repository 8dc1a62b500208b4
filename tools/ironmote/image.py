"""One image of a mote's whole flash: firmware, file system and, where asked for, its secrets.

    0 or 0x1000  the firmware, as its makers built it: bootloader, partition table, program
    "nvs"        the secrets, only where they are given: then the image is one, and belongs to one board
    "vfs"        the mote's files as a littlefs, with the geometry that MicroPython mounts

Between them is 0xFF, erased flash. Where each thing is says the firmware's own partition table. Since MicroPython 1.26
it names no "vfs": the file system is what is left of the flash, and where that begins says the board's profile.
"""

import io
from collections.abc import Callable, Mapping

from esp_idf_nvs_partition_gen import nvs_partition_gen as nvs
from littlefs import LittleFS, LittleFSError
from mote import vault

from . import partitions
from .boards import Profile
from .errors import IronmoteError
from .partitions import Partition

_BLOCK = 4096
_ERASED = b"\xff"
_FILES, _STORAGE = "vfs", "nvs"
_BYTES = 32  # what MicroPython reads and programs at a time
_DISK_VERSION = 0x0002_0000  # the oldest that all MicroPython of this age mounts


def build(
    profile: Profile,
    firmware: bytes,
    begins: int,
    files: Mapping[str, bytes],
    secrets: Mapping[str, bytes] | None = None,
) -> bytes:
    """The flash from address 0: `firmware`, which begins at `begins`, `files` by their path, and perhaps `secrets`.

    Raises IronmoteError where the firmware has no place for them, or they do not fit.
    """
    if not profile.nvs:
        raise IronmoteError(f"an image is made for an ESP32; provision a {profile.name} by cable (ironmote provision)")
    places = partitions.of_firmware(firmware, begins)
    if profile.flash is not None:
        places.setdefault(_FILES, Partition(profile.flash.filesystem_offset, profile.flash.filesystem_size))
    contents: dict[str, Callable[[int], bytes]] = {_FILES: lambda size: file_system(files, size)}
    if secrets is not None:
        contents[_STORAGE] = lambda size: storage(secrets, size)
    flash = bytearray(_ERASED * begins + firmware)
    for label, make in sorted(contents.items(), key=lambda each: places[each[0]].at if each[0] in places else 0):
        if label not in places:
            raise IronmoteError(f"this firmware has no partition called {label}; it has {', '.join(sorted(places))}")
        place = places[label]
        if label == _FILES and len(flash) > place.at:
            raise IronmoteError("the firmware reaches into its own file system; it is not one image of one chip")
        flash.extend(_ERASED * (place.at + (place.size if label == _STORAGE else 0) - len(flash)))
        made = make(place.size)
        flash[place.at : place.at + len(made)] = made
    return bytes(flash)


def file_system(files: Mapping[str, bytes], size: int) -> bytes:
    """A littlefs of `size` bytes with `files`, by path; erased blocks at its end are left out."""
    disk = LittleFS(
        block_size=_BLOCK,
        block_count=size // _BLOCK,
        read_size=_BYTES,
        prog_size=_BYTES,
        lookahead_size=_BYTES,
        disk_version=_DISK_VERSION,
    )
    try:
        for path, content in files.items():
            disk.makedirs(path.rpartition("/")[0] or "/", exist_ok=True)
            with disk.open(path, "wb") as file:
                file.write(content)
    except LittleFSError as error:
        raise IronmoteError(f"the mote's files do not fit into {size} bytes of flash") from error
    made = bytes(disk.context.buffer)
    end = len(made.rstrip(_ERASED))
    return made[: -(-end // _BLOCK) * _BLOCK]


def storage(secrets: Mapping[str, bytes], size: int) -> bytes:
    """The non-volatile storage of `size` bytes that holds `secrets` as mote.vault keeps them."""
    whole = io.BytesIO()
    # Blobs in version 2 are as ESP-IDF 4 and 5 keep them.
    keeper = nvs.nvs_open(whole, size - _BLOCK, nvs.Page.VERSION2)  # the generator adds the block that must stay empty
    try:
        nvs.write_entry(keeper, vault.NAMESPACE, "namespace", "", "")
        for name, content in secrets.items():
            nvs.write_entry(keeper, name, "data", "hex2bin", content.hex())
        nvs.nvs_close(keeper)
    except (nvs.InsufficientSizeError, nvs.PageFullError):
        raise IronmoteError(f"the secrets do not fit into {size} bytes of storage") from None
    return whole.getvalue()
