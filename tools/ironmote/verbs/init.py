"""ironmote init: make a fleet."""

import argparse
from pathlib import Path

from .. import fleet_arguments, passphrase
from . import Command


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, nargs="?", default=Path(), metavar="DIR", help="where (default: here)")
    parser.add_argument("--name", metavar="NAME", help="what the fleet is called (default: as its folder)")
    parser.add_argument("--broker", metavar="HOST", help="where its brokers run, if that is known")
    parser.add_argument("--wifi", metavar="NAME", help="the network that its motes join")
    parser.add_argument("--keyring", action="store_true", help="keep the key of the key store in the system's keyring")
    parser.add_argument("--json", action="store_true", help="print JSON")
    passphrase.options(parser, "the new key store")


def _run(arguments: argparse.Namespace) -> int:
    import os
    import shlex

    from .. import encrypted, fleet_folder, key_store
    from ..fleet import FLEET_ID_BYTES

    folder: Path = arguments.folder
    fleet_folder.check_new(folder)  # before anybody thinks up a passphrase
    name = arguments.name or folder.resolve().name or "fleet"
    secrets, files = fleet_folder.first_files(name, os.urandom(FLEET_ID_BYTES), arguments.broker, arguments.wifi)
    if arguments.keyring:
        key = key_store.new_in_keyring()
    else:
        chosen = passphrase.source(arguments).ask_new("the new key store")
        key = encrypted.new_by_passphrase(key_store.KIND, chosen)
    made = fleet_folder.create(folder, key, secrets, files)
    if arguments.json:
        fleet_arguments.print_json({"fleet": str(folder), "name": name, "id": made.file.id.hex()})
    else:
        opener = "the entry in your keyring" if arguments.keyring else "its passphrase"
        print(f"{name} is in {folder.resolve()}. Without {opener} nobody can open its key store, you neither.")
        network = f"ironmote wifi {shlex.quote(arguments.wifi)}, " if arguments.wifi else ""
        print(f"Next, in there: {network}ironmote add ID --board BOARD")
    return 0


COMMAND = Command(
    "init",
    "make a fleet: its folder, its authority, its key store",
    (
        ("ironmote init greenhouse", "in the folder greenhouse; the passphrase is asked for"),
        ("ironmote init greenhouse --broker 192.168.1.2 --wifi home", "with its broker and network"),
        ("ironmote init --keyring", "here; the system's keyring opens the key store"),
    ),
    _options,
    _run,
)
