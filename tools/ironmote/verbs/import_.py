"""ironmote import: a fleet from a file that ironmote export wrote."""

import argparse
from pathlib import Path

from .. import fleet_arguments, passphrase
from . import Command

_PREFIX = "export-"


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="what ironmote export wrote")
    parser.add_argument("folder", type=Path, metavar="DIR", help="the folder to make; no fleet may be there")
    parser.add_argument("--keyring", action="store_true", help="keep the key of the key store in the system's keyring")
    parser.add_argument("--json", action="store_true", help="print JSON")
    passphrase.options(parser, "the new key store")
    passphrase.options(parser, "the file", _PREFIX)


def _run(arguments: argparse.Namespace) -> int:
    from .. import archive, encrypted, fleet_folder, key_store

    fleet_folder.check_new(arguments.folder)
    ask = passphrase.source(arguments, _PREFIX).ask
    secrets, files = archive.read(arguments.file, lambda: ask("the file"))
    if arguments.keyring:
        key = key_store.new_in_keyring()
    else:
        chosen = passphrase.source(arguments).ask_new("the new key store")
        key = encrypted.new_by_passphrase(key_store.KIND, chosen)
    made = fleet_folder.create(arguments.folder, key, secrets, files)
    if arguments.json:
        fleet_arguments.print_json(
            {"fleet": str(arguments.folder), "name": made.file.name, "motes": len(secrets.motes)}
        )
    else:
        print(f"{made.file.name} is in {arguments.folder.resolve()}, with the keys of {len(secrets.motes)} motes")
    return 0


COMMAND = Command(
    "import",
    "make a fleet's folder from a file that ironmote export wrote; its key store gets a passphrase of its own",
    (
        ("ironmote import greenhouse.fleet greenhouse", "asks for both passphrases"),
        ("ironmote import greenhouse.fleet greenhouse --keyring", "the system's keyring opens the key store"),
    ),
    _options,
    _run,
)
