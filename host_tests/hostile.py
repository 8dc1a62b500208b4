"""Whoever sits at the broker's port and is not the broker: listeners that break TLS, each in its own way.

A Listener keeps every byte that it was sent, by connection. What it does with a connection is a function of the
socket; `relay` hands it on to another port, so that real servers can be put behind it.
"""

import contextlib
import datetime
import socket
import ssl
import struct
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from ironmote.certificates import Credential

LOOPBACK = "127.0.0.1"
_CHUNK = 16_384
_PATIENCE_S = 30.0

HANDSHAKE, ALERT, APPLICATION_DATA = 22, 21, 23


class Link:
    """One accepted connection: `seen` is every byte that came in."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.seen = bytearray()

    def take(self) -> bytes:
        """The next bytes, or nothing at the end."""
        try:
            data = self.socket.recv(_CHUNK)
        except OSError:
            return b""
        self.seen += data
        return data

    def drain(self) -> None:
        """Take until the other end has had enough."""
        while self.take():
            pass


Behaviour = Callable[[Link], None]


class Listener:
    """A port of the loopback that behaves as it is told; closed while `behave` is None."""

    def __init__(self, behave: Behaviour | None) -> None:
        self.links: list[Link] = []
        self._socket = socket.socket()
        self._socket.bind((LOOPBACK, 0))  # bound and not listening: nobody else can have it, and it refuses
        self.port = self._socket.getsockname()[1]
        self.behave = behave
        if behave is not None:
            self._listen()

    def become(self, behave: Behaviour) -> None:
        """Behave so from the next connection on; opens the port where it was closed."""
        closed, self.behave = self.behave is None, behave
        if closed:
            self._listen()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for link in self.links:
            link.socket.close()

    def _listen(self) -> None:
        self._socket.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            connection.settimeout(_PATIENCE_S)
            link = Link(connection)
            self.links.append(link)
            threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link: Link) -> None:
        with contextlib.suppress(OSError):
            if self.behave is not None:
                self.behave(link)
        with contextlib.suppress(OSError):
            link.socket.close()


# What it can do with a connection


def silence(link: Link) -> None:
    link.drain()


def reset(link: Link) -> None:
    """RST after the ClientHello."""
    link.take()
    link.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def says(answer: bytes) -> Behaviour:
    """Whatever comes, answer with these bytes."""

    def behave(link: Link) -> None:
        link.take()
        link.socket.sendall(answer)
        link.drain()

    return behave


def relay(port: int, cut_after: int | None = None) -> Behaviour:
    """Hand everything on to `port`; with `cut_after`, end both ways after that many bytes of its answer."""

    def behave(link: Link) -> None:
        with socket.create_connection((LOOPBACK, port)) as far:
            back = threading.Thread(target=_back, args=(far, link, cut_after), daemon=True)
            back.start()
            while data := link.take():
                far.sendall(data)
            with contextlib.suppress(OSError):
                far.shutdown(socket.SHUT_WR)
            back.join(1)

    return behave


def _back(far: socket.socket, link: Link, left: int | None) -> None:
    with contextlib.suppress(OSError):
        while data := far.recv(_CHUNK):
            if left is not None:
                data = data[:left]
                left -= len(data)
            link.socket.sendall(data)
            if left == 0:
                break
        link.socket.shutdown(socket.SHUT_RDWR)


class TlsServer:
    """A server that speaks TLS with a certificate of its choice; `heard` is what it could decrypt."""

    def __init__(
        self,
        folder: Path,
        credential: Credential,
        *,
        version: ssl.TLSVersion | None = None,
        suites: str | None = None,
        client_ca: bytes | None = None,
    ) -> None:
        folder.mkdir(parents=True)
        (folder / "cert.pem").write_bytes(credential.cert_pem)
        (folder / "key.pem").write_bytes(credential.key_pem)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if suites:
            self._context.set_ciphers(suites)
        if version:
            with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # that it is old is the point
                self._context.minimum_version = self._context.maximum_version = version
        self._context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        if client_ca:
            self._context.load_verify_locations(cadata=client_ca.decode())
            self._context.verify_mode = ssl.CERT_REQUIRED
        self.heard = bytearray()
        self._listener = Listener(self._serve)
        self.port = self._listener.port

    def close(self) -> None:
        self._listener.close()

    def _serve(self, link: Link) -> None:
        with self._context.wrap_socket(link.socket, server_side=True) as secured:
            while data := secured.recv(_CHUNK):
                self.heard += data


def self_signed(name: str) -> Credential:
    """A certificate that nobody but itself vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Credential(made.public_bytes(serialization.Encoding.PEM), b"", pem, b"")


def records(data: bytes) -> list[int]:
    """The types of the TLS records that `data` is made of; AssertionError where it is anything else (RFC 8446, 5.1)."""
    types = []
    while data:
        assert len(data) >= 5, "what is left is no TLS record"
        kind, major, minor, size = struct.unpack_from(">BBBH", data)
        assert 20 <= kind <= 23, f"a record of type {kind}"
        assert (major, minor) in ((3, 1), (3, 3)), "not TLS 1.2"
        assert 5 + size <= len(data), "a record that does not end"
        types.append(kind)
        data = data[5 + size :]
    return types
