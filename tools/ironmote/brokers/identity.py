"""The certificates that a broker and its gateway use, written where the broker reads them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from .. import secret_files
from ..certificates import Authority, Credential
from ..leaf_certificates import LeafCertificates
from . import Site

BROKER = "broker.home"

# A dot cannot be part of a mote's id, so no mote can ever be taken for a gateway.
GATEWAY_HOME = "gateway.home"
GATEWAY_CLEAR = "gateway.clear"
GATEWAY_STREAM = "gateway.stream"
AUTHENTICATOR_CLEAR = "authenticator.clear"
ROUTE = "route.home"  # what the nodes of a cluster show each other


@dataclass(frozen=True)
class CertificateFiles:
    """Paths of a certificate and its key."""

    cert: Path
    key: Path


@dataclass(frozen=True)
class Identities:
    """Everything on disk that TLS with this broker needs."""

    ca: Path
    revoked: Path | None  # the list of revoked certificates
    broker: CertificateFiles
    gateway_home: CertificateFiles
    gateway_clear: CertificateFiles
    authenticator_clear: CertificateFiles
    route: CertificateFiles | None = None  # where there is a cluster


class _Issue(Protocol):
    def __call__(
        self,
        name: str,
        dns_names: Sequence[str] = (),
        server: bool = False,
        ip_addresses: Sequence[str] = (),
        peer: bool = False,
        /,
    ) -> Credential: ...


def write(authority: Authority | LeafCertificates, folder: Path, site: Site, cluster: bool = False) -> Identities:
    """Write the broker's certificate and one for each connection of gateway and authenticator to `folder`.

    In a `cluster` there is one for its nodes, too. They are new, or those that `authority` keeps; a list of what is
    revoked is written where the site has one.
    """
    keeps = isinstance(authority, LeafCertificates)
    ca_pem = authority.authority.ca_pem if isinstance(authority, LeafCertificates) else authority.ca_pem
    issue: _Issue = authority.get if isinstance(authority, LeafCertificates) else authority.issue
    secret_files.make_folder(folder)
    name = BROKER if keeps else site.names[0]
    return Identities(
        secret_files.write(folder / "ca.pem", ca_pem),
        None if site.revoked is None else secret_files.write(folder / "revoked.pem", site.revoked),
        _write(folder, "broker", issue(name, site.names, True, site.addresses)),
        _write(folder, GATEWAY_HOME, issue(GATEWAY_HOME)),
        _write(folder, GATEWAY_CLEAR, issue(GATEWAY_CLEAR)),
        _write(folder, AUTHENTICATOR_CLEAR, issue(AUTHENTICATOR_CLEAR)),
        _write(folder, ROUTE, issue(ROUTE, site.names, True, site.addresses, True)) if cluster else None,
    )


def subject(authority: Authority | LeafCertificates, name: str) -> str:
    """The subject of the certificate that the client called `name` shows, in text."""
    return authority.subject(name) if isinstance(authority, LeafCertificates) else f"CN={name}"


def _write(folder: Path, name: str, credential: Credential) -> CertificateFiles:
    return CertificateFiles(
        secret_files.write(folder / f"{name}.pem", credential.cert_pem),
        secret_files.write(folder / f"{name}.key", credential.key_pem),
    )
