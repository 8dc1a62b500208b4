"""The certificates that a broker and its gateway use, written where the broker reads them."""

from dataclasses import dataclass
from pathlib import Path

from .. import secret_files
from ..certificates import Authority
from . import SERVER_NAME
from .process import LOOPBACK

# A dot cannot be part of a mote's id, so no mote can ever be taken for a gateway.
GATEWAY_HOME = "gateway.home"
GATEWAY_CLEAR = "gateway.clear"
AUTHENTICATOR_CLEAR = "authenticator.clear"


@dataclass(frozen=True)
class CertificateFiles:
    """Paths of a certificate and its key."""

    cert: Path
    key: Path


@dataclass(frozen=True)
class Identities:
    """Everything on disk that TLS with this broker needs."""

    ca: Path
    broker: CertificateFiles
    gateway_home: CertificateFiles
    gateway_clear: CertificateFiles
    authenticator_clear: CertificateFiles


def write(authority: Authority, folder: Path) -> Identities:
    """Issue the broker's certificate and one for each connection of gateway and authenticator; write to `folder`."""
    secret_files.make_folder(folder)
    return Identities(
        secret_files.write(folder / "ca.pem", authority.ca_pem),
        _issue(authority, folder, "broker", server=True),
        _issue(authority, folder, GATEWAY_HOME),
        _issue(authority, folder, GATEWAY_CLEAR),
        _issue(authority, folder, AUTHENTICATOR_CLEAR),
    )


def _issue(authority: Authority, folder: Path, name: str, server: bool = False) -> CertificateFiles:
    if server:
        credential = authority.issue(SERVER_NAME, [SERVER_NAME], server=True, ip_addresses=[LOOPBACK])
    else:
        credential = authority.issue(name)
    return CertificateFiles(
        secret_files.write(folder / f"{name}.pem", credential.cert_pem),
        secret_files.write(folder / f"{name}.key", credential.key_pem),
    )
