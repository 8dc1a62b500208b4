"""Several NATS servers as one: where each node listens, and how those of a zone find and believe each other."""

import hashlib
import json
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .identity import Identities

NODES = 3  # JetStream keeps what it holds three times, and goes on without one of them
TRUSTED, CLEAR = "trusted", "clear"  # what a server is called, after its zone's trust


@dataclass(frozen=True)
class Node:
    """One node: the address under which motes and the other nodes reach it, and the ports of its two servers."""

    host: str
    trusted: int
    clear: int
    inlet: int
    inner: int
    trusted_route: int
    clear_route: int

    def route(self, zone: str) -> int:
        """Where its server of TRUSTED or CLEAR hears the other nodes."""
        return self.trusted_route if zone == TRUSTED else self.clear_route


def of_hosts(places: Sequence[tuple[str, int, int]], inlet: int, inner: int, route: int) -> tuple[Node, ...]:
    """The nodes at `places`, each its host and where motes connect with and without TLS.

    Other ports than those are the same everywhere, and the next ones for a further node on the same host.
    """
    nodes: list[Node] = []
    for host, trusted, clear in places:
        more = sum(each.host == host for each in nodes)
        nodes.append(Node(host, trusted, clear, inlet + more, inner + more, route + 2 * more, route + 2 * more + 1))
    return tuple(nodes)


def folder(root: Path, number: int) -> Path:
    """Where the files of the node with that number, from 1, are."""
    return root / f"node-{number}"


def block(zone: str, node: Node, nodes: Sequence[Node], files: Identities, bind: str) -> str:
    """The part of a server's configuration that makes it one of several."""
    if files.route is None:
        raise ValueError("a cluster needs a certificate of its nodes")
    routes = [f"tls://{_host(each.host)}:{each.route(zone)}" for each in nodes if each != node]
    body = f"""\
name: {json.dumps(zone)}
host: {json.dumps(bind)}
port: {node.route(zone)}
routes: {json.dumps(routes)}
no_advertise: true
tls {{
  cert_file: {_text(files.route.cert)}
  key_file: {_text(files.route.key)}
  ca_file: {_text(files.ca)}
  verify: true
  pinned_certs: ["{_pin(files.route.cert)}"]
  timeout: 10
}}
"""
    return f"""\
# The other nodes, by TLS with certificates on both sides. Motes have certificates of the same authority, so only the
# key of the nodes themselves is believed: a server that is let in here may say and hear everything.
cluster {{
{textwrap.indent(body, "  ")}}}
"""


def _pin(certificate: Path) -> str:
    """What NATS calls a pinned certificate: the SHA-256 of its public key's SubjectPublicKeyInfo (DER), in hex."""
    key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _text(path: Path) -> str:
    return json.dumps(str(path), ensure_ascii=False)
