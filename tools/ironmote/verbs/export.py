"""ironmote export: the whole fleet, keys and all, in one encrypted file."""

import argparse
from pathlib import Path

from .. import fleet_arguments, passphrase
from . import Command

_PREFIX = "export-"


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="the file to write; it must not be there yet")
    fleet_arguments.options(parser, unlocks=True)
    passphrase.options(parser, "the file", _PREFIX)


def _run(arguments: argparse.Namespace) -> int:
    from .. import archive

    folder = fleet_arguments.folder(arguments)
    archive.check_new(arguments.file)
    chosen = passphrase.source(arguments, _PREFIX).ask_new("the file")
    with folder.unlock(fleet_arguments.asker(arguments)) as held:
        size = archive.write(arguments.file, held, chosen)
        count = len(held.secrets.motes)
    if arguments.json:
        fleet_arguments.print_json({"file": str(arguments.file), "bytes": size, "motes": count})
    else:
        print(f"{arguments.file}: {folder.file.name} and the keys of {count} motes, {size} bytes")
    return 0


COMMAND = Command(
    "export",
    "put the whole fleet, keys and all, into one file under a passphrase of its own: a backup, or to move it",
    (
        ("ironmote export greenhouse.fleet", "asks for both passphrases"),
        ("ironmote export b.fleet --passphrase-file P --export-passphrase-file Q", "for a nightly backup"),
    ),
    _options,
    _run,
)
