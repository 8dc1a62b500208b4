"""ironmote flash: firmware onto a chip, through its bootloader."""

import argparse
from pathlib import Path

from . import Command


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("firmware", type=Path, metavar="FILE", help="the firmware, as its makers call it, or an image")
    parser.add_argument("--board", required=True, metavar="BOARD", help="which board it is")
    parser.add_argument("--port", help="the serial port (default: the only one that leads to a USB device)")
    parser.add_argument("--pin", action="store_true", help="vouch for FILE from here on; nothing is written to a chip")
    parser.add_argument("--pins", type=Path, metavar="FILE.toml", help="where that is kept (default: the fleet's own)")
    parser.add_argument("--erase", action="store_true", help="erase all of the chip before, its secrets too")
    parser.add_argument("--yes", action="store_true", help="do not ask whether it is meant")


def _run(arguments: argparse.Namespace) -> int:
    from .. import boards, firmware_file, flasher, fleet_arguments, prompt
    from ..progress import Progress

    profile = boards.load(arguments.board)
    pins = arguments.pins or _pins()
    if arguments.pin:
        at, number = flasher.begins(profile.chip), flasher.number(profile.chip)
        found = firmware_file.pin(arguments.firmware, profile.chip, at, number, pins)
        print(f"{arguments.firmware.name}: {len(found.content)} bytes for an {found.chip} at {found.at:#x}, in {pins}")
        return 0
    firmware = firmware_file.load(arguments.firmware, (pins, firmware_file.shipped()))
    port = arguments.port or prompt.only_port()
    if arguments.erase:
        fleet_arguments.confirm(f"Erase all that the chip at {port} holds?", arguments.yes)
    with Progress() as progress:
        flasher.write(port, profile, firmware, arguments.erase, progress.phase, progress.step)
    print(f"{arguments.firmware.name} is on the {firmware.chip} at {port}, and was read back")
    return 0


def _pins() -> Path:
    from .. import firmware_file
    from ..fleet_folder import Folder

    return Folder.find().paths.root / firmware_file.NAME


COMMAND = Command(
    "flash",
    "write firmware to a chip: it is compared with what was vouched for, written, and read back",
    (
        ("ironmote flash ESP32_GENERIC-20260406-v1.28.0.bin --board esp32 --pin", "vouch for a file, once"),
        ("ironmote flash ESP32_GENERIC-20260406-v1.28.0.bin --board esp32 --erase", "a new board"),
        ("ironmote flash ESP32_GENERIC-20260406-v1.28.0.bin --board esp32", "newer firmware; files and secrets stay"),
    ),
    _options,
    _run,
)
