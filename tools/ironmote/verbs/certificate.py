"""ironmote certificate: what a user of the fleet shows to its brokers."""

import argparse
from pathlib import Path

from .. import fleet_arguments
from . import Command


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("user", metavar="NAME", help="a user of fleet.toml")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--to", type=Path, metavar="DIR", help="write it and its key to this folder, not of the fleet")
    what.add_argument("--revoke", action="store_true", help="revoke the one that there is")
    fleet_arguments.options(parser, unlocks=True)


def _run(arguments: argparse.Namespace) -> int:
    from ..brokers import evict
    from ..brokers import written as brokers
    from ..certificates import CertificateError
    from ..errors import UsageError
    from ..fleet_folder import FolderError
    from ..nearest import nearest

    folder, name = fleet_arguments.folder(arguments), arguments.user
    if arguments.revoke:
        with folder.unlock(fleet_arguments.asker(arguments)) as held:
            if not held.certificates.revoke(name):
                raise CertificateError(f"{name} has no certificate")
            held.save()
            broker = brokers.renew(held)
            session = evict.evict_user(held, name)
        said = {"revoked": name, "list": str(folder.paths.revoked), "broker": broker, "session": session}
        text = f"{name}: revoked, on the list {folder.paths.revoked}" + (f"\nbroker: {broker}" if broker else "")
        text += f"\nsession: {session}" if session else ""
    else:
        if name not in folder.file.users:
            near = nearest(name, folder.file.users) or "; name it there, with its role"
            raise FolderError(f"{folder.paths.fleet_file}: no user is called {name}{near}")
        if folder.paths.root.resolve() in (arguments.to.resolve(), *arguments.to.resolve().parents):
            raise UsageError(f"{arguments.to} is in the fleet's folder, where git would take the key; name another")
        with folder.unlock(fleet_arguments.asker(arguments)) as held:
            found = held.certificates.get(name)
            held.save()
            ca_pem = held.authority.ca_pem
        said = _write(arguments.to, name, ca_pem, found.cert_pem, found.key_pem)
        text = f"{name}: {said['certificate']} and {said['key']}, to be trusted: {said['authority']}"
    if arguments.json:
        fleet_arguments.print_json(said)
    else:
        print(text)
    return 0


def _write(folder: Path, name: str, ca_pem: bytes, cert_pem: bytes, key_pem: bytes) -> dict[str, str]:
    from .. import durable

    folder.mkdir(parents=True, exist_ok=True)
    paths = {
        "authority": durable.replace(folder / "ca.crt", ca_pem, durable.PUBLIC),
        "certificate": durable.replace(folder / f"{name}.pem", cert_pem, durable.PUBLIC),
        "key": durable.replace(folder / f"{name}.key", key_pem, durable.PRIVATE),
    }
    return {what: str(path) for what, path in paths.items()}


COMMAND = Command(
    "certificate",
    "write the certificate that a user of fleet.toml shows to the brokers, and its key; or revoke it",
    (
        ("ironmote certificate dashboard --to /etc/dashboard", "ca.crt, dashboard.pem, dashboard.key (0600)"),
        ("ironmote certificate dashboard --revoke", "from the next list on nobody believes it"),
    ),
    _options,
    _run,
)
