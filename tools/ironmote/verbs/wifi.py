"""ironmote wifi: the passphrases of the networks that motes join."""

import argparse

from .. import fleet_arguments, passphrase
from . import Command

_PREFIX = "wifi-"
_SHORTEST, _LONGEST = 8, 63  # letters of a WPA passphrase (IEEE 802.11)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("network", metavar="NAME", help="the name of the network")
    # What is typed here is in the shell's history already; at least it is not shown once more.
    parser.add_argument("typed", nargs="*", default=(), help=argparse.SUPPRESS)
    parser.add_argument("--remove", action="store_true", help="forget its passphrase")
    fleet_arguments.options(parser, unlocks=True)
    passphrase.options(parser, "the network", _PREFIX)


def _run(arguments: argparse.Namespace) -> int:
    from ..errors import IronmoteError, UsageError

    if arguments.typed:
        raise UsageError(
            f"wifi: a name alone, and never a passphrase: that is asked for, or in --{_PREFIX}passphrase-file FILE; "
            "what was typed here is kept by the shell and seen by others, so choose another"
        )
    folder = fleet_arguments.folder(arguments)
    name = arguments.network
    chosen = (
        None if arguments.remove else passphrase.source(arguments, _PREFIX).ask_new(f"the network {name}", _SHORTEST)
    )
    if chosen is not None and len(chosen.encode()) > _LONGEST:
        raise IronmoteError(f"the passphrase of a network has {_SHORTEST} to {_LONGEST} letters")
    with folder.unlock(fleet_arguments.asker(arguments)) as held:
        if chosen is not None:
            held.secrets.wifi[name] = chosen
        elif held.secrets.wifi.pop(name, None) is None:
            raise IronmoteError(f"no passphrase of {name} is kept")
        held.save()
        kept = sorted(held.secrets.wifi)
    if arguments.json:
        fleet_arguments.print_json({"networks": kept})
    else:
        print(f"passphrases are kept of: {', '.join(kept) or 'no network'}")
        if chosen is not None and name not in folder.file.networks:
            print(f"motes join it once {folder.paths.fleet_file} names it under [wifi], or their own file does")
    return 0


COMMAND = Command(
    "wifi",
    "keep the passphrase of a network in the key store; fleet.toml names the networks that motes join",
    (
        ("ironmote wifi home", "asks for it"),
        ("ironmote wifi home --wifi-passphrase-file FILE", "reads it"),
        ("ironmote wifi home --remove", "forgets it"),
    ),
    _options,
    _run,
)
