"""The dashboard's part of a fleet's folder: accounts, and a certificate of the fleet's authority with its key."""

import ipaddress
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .. import durable, secret_files
from ..certificates import CertificateError, Credential
from ..errors import IronmoteError
from ..fleet_paths import Paths
from .accounts import Accounts
from .server import Certificate

if TYPE_CHECKING:
    from ..open_folder import OpenFolder

# A dot cannot be part of a mote's id, so no mote can ever be taken for the dashboard.
_LEAF = "dashboard.home"
_ALWAYS = ("localhost", "127.0.0.1", "::1")


class DashboardError(IronmoteError):
    """The dashboard lacks what it needs; the text says how it gets it."""


def accounts(paths: Paths) -> Accounts:
    """The accounts of the fleet's dashboard."""
    return Accounts(paths.dashboard / "accounts.json")


def certify(held: "OpenFolder", names: Sequence[str]) -> Certificate:
    """Write a certificate that carries `names` and those of this machine, and its key. Raises IronmoteError, OSError.

    The one that there is stays where it carries them, and does not end soon.
    """
    wanted = [*dict.fromkeys([*names, *_ALWAYS])]
    addresses = [name for name in wanted if _is_address(name)]
    dns = [name for name in wanted if name not in addresses]
    found = held.certificates.get(_LEAF, dns, True, addresses)
    held.save()
    folder = secret_files.make_folder(held.folder.paths.dashboard)
    # The key first: whoever finds the certificate finds its key.
    key = durable.replace(folder / "key.pem", found.key_pem, durable.PRIVATE)
    return Certificate(durable.replace(folder / "certificate.pem", found.cert_pem, durable.PUBLIC), key, tuple(wanted))


def certificate(paths: Paths) -> Certificate:
    """The certificate that `certify` wrote. Raises DashboardError where there is none, or it is damaged."""
    path, key = paths.dashboard / "certificate.pem", paths.dashboard / "key.pem"
    try:
        found = Credential.load(path.read_bytes(), _der(key))
    except (FileNotFoundError, CertificateError, ValueError):
        raise DashboardError(
            "the dashboard has no certificate: ironmote dashboard --certify issues one, --name HOST for each name"
        ) from None
    first = [name for name in found.names if name not in _ALWAYS]
    return Certificate(path, key, (*sorted(first), *_ALWAYS))


def _der(path: Path) -> bytes:
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(path.read_bytes(), None)
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
