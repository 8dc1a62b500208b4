"""ironmote image: one file with all that a mote's flash holds."""

import argparse
from pathlib import Path

from .. import fleet_arguments
from . import Command


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("mote", metavar="ID", help="the mote that the image is of")
    parser.add_argument("firmware", type=Path, metavar="FIRMWARE", help="the firmware in it (see ironmote flash --pin)")
    parser.add_argument("out", type=Path, metavar="OUT", help="the file to write")
    parser.add_argument("--pins", type=Path, metavar="FILE.toml", help="what vouches for it (default: the fleet's own)")
    parser.add_argument("--secrets", action="store_true", help="with the mote's secrets, for one board; guard the file")
    fleet_arguments.options(parser, unlocks=True)


def _run(arguments: argparse.Namespace) -> int:
    from mote import channel

    from .. import boards, firmware_file, image, mote_content, secret_files
    from ..commission import Choice
    from ..errors import IronmoteError

    folder = fleet_arguments.folder(arguments)
    file = folder.mote_file(arguments.mote)
    profile = boards.load(file.board)
    pins = (arguments.pins or folder.paths.root / firmware_file.NAME, firmware_file.shipped())
    firmware = firmware_file.load(arguments.firmware, pins)
    entry = folder.entry(arguments.mote)
    wanted = entry.channel if file.channel == channel.AUTO else file.channel
    if wanted is None:
        raise IronmoteError(f"no board of {arguments.mote} was measured yet: name its channel in {file.path}")
    with folder.unlock(fleet_arguments.asker(arguments)) as held:
        mote_content.find(held, arguments.mote)
        facts = channel.Facts(True, True, True, profile.room)  # the mote measures them itself when it starts
        given = mote_content.content(
            held, arguments.mote, Choice(wanted, "as its file or its last board says", facts), None
        )
        secrets = given.secrets if arguments.secrets else None
        whole = image.build(profile, firmware.content, firmware.at, given.files, secrets)
        if arguments.secrets:
            mote_content.note(held, arguments.mote, given)
    secret_files.write(arguments.out, whole)
    done = {
        "mote": arguments.mote,
        "file": str(arguments.out),
        "bytes": len(whole),
        "at": 0,
        "secrets": arguments.secrets,
    }
    if arguments.json:
        fleet_arguments.print_json(done)
        return 0
    print(f"{arguments.out}: {len(whole)} bytes, for flash address 0")
    print(
        "it holds the mote's secrets: for one board, once"
        if arguments.secrets
        else "its secrets come by cable: ironmote provision"
    )
    return 0


COMMAND = Command(
    "image",
    "make one image of a mote's flash, firmware and files, for an ESP32 that is programmed elsewhere",
    (
        ("ironmote image kitchen ESP32_GENERIC-20260406-v1.28.0.bin kitchen.bin", "without secrets: provision later"),
        ("ironmote image kitchen ESP32_GENERIC-20260406-v1.28.0.bin kitchen.bin --secrets", "whole; under a new key"),
    ),
    _options,
    _run,
)
