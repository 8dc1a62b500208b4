"""X.509 for a fleet: one authority, and certificates for brokers, motes and gateways. ECDSA P-256 with SHA-256.

A certificate is good for one side of a connection only: a mote's cannot serve, a broker's cannot connect
(extended key usage, RFC 5280 sect. 4.2.1.12). Motes get DER, which is smaller and is what they load.
"""

import datetime
import ipaddress
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .errors import IronmoteError

# A board's clock may be behind when it checks; a certificate that begins today would then not be valid yet.
_BACKDATED = datetime.timedelta(days=1)
AUTHORITY_DAYS = 3650
LEAF_DAYS = 825
RENEW_DAYS = 90  # before its end a leaf is renewed where it is asked for


class CertificateError(IronmoteError):
    """A certificate or its key is damaged, or they do not belong together."""


@dataclass(frozen=True)
class Credential:
    """A certificate and its private key, in both encodings."""

    cert_pem: bytes
    cert_der: bytes
    key_pem: bytes = field(repr=False)
    key_der: bytes = field(repr=False)

    @classmethod
    def load(cls, cert_pem: bytes, key_der: bytes) -> "Credential":
        """The credential of a certificate and its key (PKCS #8), as they were kept. Raises CertificateError."""
        certificate, key = _load(cert_pem, key_der)
        return cls(
            cert_pem,
            certificate.public_bytes(serialization.Encoding.DER),
            _private(key, serialization.Encoding.PEM),
            key_der,
        )

    @property
    def serial(self) -> int:
        """The certificate's serial number."""
        return x509.load_der_x509_certificate(self.cert_der).serial_number

    @property
    def expires(self) -> int:
        """When the certificate ends, in seconds since 1970."""
        return int(x509.load_der_x509_certificate(self.cert_der).not_valid_after_utc.timestamp())

    @property
    def names(self) -> set[str]:
        """The DNS names and addresses that clients may find it under."""
        try:
            found = x509.load_der_x509_certificate(self.cert_der).extensions.get_extension_for_class(
                x509.SubjectAlternativeName
            )
        except x509.ExtensionNotFound:
            return set()
        return {str(each.value) for each in found.value}

    @property
    def worn(self) -> bool:
        """True from RENEW_DAYS before its end on."""
        return time.time() > self.expires - RENEW_DAYS * 86_400


class Authority:
    """The fleet's certificate authority. Its private key stays in this object."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self._certificate = certificate
        self._key = key

    @classmethod
    def create(cls, common_name: str = "ironmote fleet") -> "Authority":
        """A new authority that may sign leaves, and no further authorities."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(common_name)
        builder = (
            _builder(name, name, key.public_key(), AUTHORITY_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(sign_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        return cls(builder.sign(key, hashes.SHA256()), key)

    @classmethod
    def load(cls, ca_pem: bytes, key_der: bytes) -> "Authority":
        """The authority of a certificate and its key (PKCS #8), as they were kept. Raises CertificateError."""
        return cls(*_load(ca_pem, key_der))

    @property
    def key_der(self) -> bytes:
        """The authority's private key (PKCS #8, DER): for the key store alone."""
        return _private(self._key, serialization.Encoding.DER)

    @property
    def expires(self) -> int:
        """When the authority's certificate ends, in seconds since 1970."""
        return int(self._certificate.not_valid_after_utc.timestamp())

    @property
    def ca_pem(self) -> bytes:
        """The authority's certificate, PEM."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def ca_der(self) -> bytes:
        """The authority's certificate, DER."""
        return self._certificate.public_bytes(serialization.Encoding.DER)

    def issue(
        self,
        common_name: str,
        dns_names: Sequence[str] = (),
        server: bool = False,
        ip_addresses: Sequence[str] = (),
        peer: bool = False,
        mark: str = "",
    ) -> Credential:
        """A new key and its certificate. A server's carries the names that clients check; a client's its CN alone.

        A server that is a `peer` shows it to others of its kind, too, as their client. With a `mark` the subject has
        that as well (`subject`).
        """
        key = ec.generate_private_key(ec.SECP256R1())
        usages = [ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH]
        if peer:
            usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = (
            _builder(
                _name(common_name, mark),
                self._certificate.subject,
                key.public_key(),
                LEAF_DAYS,
                self._certificate.not_valid_after_utc,
            )
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(sign_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        names: list[x509.GeneralName] = [x509.DNSName(name) for name in dns_names]
        names += [x509.IPAddress(ipaddress.ip_address(address)) for address in ip_addresses]
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        return Credential(
            certificate.public_bytes(serialization.Encoding.PEM),
            certificate.public_bytes(serialization.Encoding.DER),
            _private(key, serialization.Encoding.PEM),
            _private(key, serialization.Encoding.DER),
        )

    def listed(self, crl_pem: bytes) -> tuple[int, dict[int, int]]:
        """The number of a list that this authority has signed, and what it revokes, as `revocation_list` takes it.

        Raises CertificateError where it is none, or another's.
        """
        number, _ = list_of(crl_pem)
        found = x509.load_pem_x509_crl(crl_pem)
        try:
            signed = found.is_signature_valid(self._key.public_key())
        except TypeError:
            signed = False
        if not signed:
            raise CertificateError("the list of revoked certificates is another authority's")
        return number, {each.serial_number: int(each.revocation_date_utc.timestamp()) for each in found}

    def revocation_list(self, revoked: Mapping[int, int], number: int) -> bytes:
        """The list (RFC 5280 sect. 5, PEM) of the `revoked`: serial numbers, and when each was (seconds since 1970).

        `number` is greater than that of any list before. It is good until the authority ends: it is its owner's own
        file, written anew when there is more to revoke, and a broker lets nobody in whose list has expired.
        """
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._certificate.subject)
            .last_update(datetime.datetime.now(datetime.UTC) - _BACKDATED)
            .next_update(self._certificate.not_valid_after_utc)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .add_extension(x509.CRLNumber(number), critical=False)
        )
        for serial, when in sorted(revoked.items()):
            each = x509.RevokedCertificateBuilder().serial_number(serial)
            builder = builder.add_revoked_certificate(
                each.revocation_date(datetime.datetime.fromtimestamp(when, datetime.UTC)).build()
            )
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def serial_of(cert_pem: bytes) -> str:
    """The serial number of a certificate, in hexadecimal. Raises CertificateError where it is none."""
    try:
        return f"{x509.load_pem_x509_certificate(cert_pem).serial_number:x}"
    except ValueError as error:
        raise CertificateError("a certificate is damaged") from error


def list_of(crl_pem: bytes) -> tuple[int, int]:
    """The number of a revocation list and how many it revokes. Raises CertificateError where it is none."""
    try:
        found = x509.load_pem_x509_crl(crl_pem)
        number = found.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except (ValueError, x509.ExtensionNotFound) as error:
        raise CertificateError("the list of revoked certificates is damaged") from error
    return number, len(found)


def _load(cert_pem: bytes, key_der: bytes) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    try:
        certificate = x509.load_pem_x509_certificate(cert_pem)
        key = serialization.load_der_private_key(key_der, None)
    except ValueError as error:
        raise CertificateError("a certificate or its key is damaged") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or certificate.public_key() != key.public_key():
        raise CertificateError("a certificate and the key that is kept with it do not belong together")
    return certificate, key


def subject(common_name: str, mark: str) -> str:
    """The subject of a client's certificate in text (RFC 4514: the last part comes first)."""
    return f"OU={mark},CN={common_name}" if mark else f"CN={common_name}"


def _name(common_name: str, mark: str = "") -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if mark:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, mark))
    return x509.Name(parts)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    days: int,
    at_most: datetime.datetime | None = None,
) -> x509.CertificateBuilder:
    begins = datetime.datetime.now(datetime.UTC) - _BACKDATED
    ends = begins + datetime.timedelta(days=days)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends if at_most is None else min(ends, at_most))
    )


def _key_usage(sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign_certificates,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _private(key: ec.EllipticCurvePrivateKey, encoding: serialization.Encoding) -> bytes:
    return key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
