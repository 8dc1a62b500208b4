"""The certificates that the fleet's authority has issued: issued when they are asked for, renewed in time, revoked."""

import contextlib
import os
import time
from collections.abc import Sequence

from . import certificates, durable
from .certificates import Authority, CertificateError, Credential
from .fleet_paths import Paths
from .key_store import Secrets

_MARK_BYTES = 8


class LeafCertificates:
    """Those of one fleet, by name: a mote's id, a user's name, or a name with a dot for brokers and gateways.

    Keys are in `secrets`, which the caller saves between `next_list` and `write`.
    """

    def __init__(self, paths: Paths, secrets: Secrets) -> None:
        """Raises CertificateError where the authority's certificate is not that of its key."""
        self._paths = paths
        self._secrets = secrets
        try:
            self.authority = Authority.load(paths.authority.read_bytes(), secrets.authority)
        except FileNotFoundError:
            raise CertificateError(f"{paths.authority} is missing; take it from a copy") from None
        self._new: dict[str, bytes] = {}
        self._gone: set[str] = set()

    def get(
        self,
        name: str,
        dns_names: Sequence[str] = (),
        server: bool = False,
        ip_addresses: Sequence[str] = (),
        peer: bool = False,
    ) -> Credential:
        """The credential called `name`: the one there is, or a new one.

        A new one where it ends within certificates.RENEW_DAYS, was revoked, or does not carry these names. A server's
        common name is the first of `dns_names`, unless it is a `peer`.
        """
        found = self._current(name)
        if found is None or found.worn or found.names != {*dns_names, *ip_addresses}:
            common = dns_names[0] if server and not peer else name
            mark = "" if server else self._mark(name)
            found = self.authority.issue(common, dns_names, server, ip_addresses, peer, mark)
            self._secrets.issued.setdefault(name, []).append(f"{found.serial:x}")
            self._secrets.leaves[name] = found.key_der
            self._new[name] = found.cert_pem
            self._gone.discard(name)
        return found

    def subject(self, name: str) -> str:
        """The subject of the client's certificates called `name`, in text, until one is revoked: then it is another.

        So a broker that reads no list knows by it whom it lets in.
        """
        return certificates.subject(name, self._mark(name))

    def _mark(self, name: str) -> str:
        if name not in self._secrets.marks and name not in self._secrets.leaves:  # else it is older than marks are
            self._secrets.marks[name] = os.urandom(_MARK_BYTES).hex()
        return self._secrets.marks.get(name, "")

    def _current(self, name: str) -> Credential | None:
        path, key = self._paths.certificate(name), self._secrets.leaves.get(name)
        pem = self._new.get(name) or (path.read_bytes() if path.is_file() else None)
        if key is None or pem is None or name in self._gone:
            return None
        try:
            found = Credential.load(pem, key)
        except CertificateError:
            return None  # a power cut came between its key and itself
        return None if f"{found.serial:x}" in self._secrets.revoked else found

    def revoke(self, name: str) -> bool:
        """From the next list on nobody believes a certificate called `name`; its key is erased.

        The ones before the newest are meant, too: a board may not have been given that one yet. False where there is
        none.
        """
        found = self._current(name)
        # What files say that are in git may be altered: which there are, the key store knows.
        serials = {*self._secrets.issued.pop(name, ()), *([f"{found.serial:x}"] if found is not None else [])}
        self._secrets.leaves.pop(name, None)
        self._new.pop(name, None)
        self._gone.add(name)
        self._secrets.marks[name] = os.urandom(_MARK_BYTES).hex()
        for serial in sorted(serials):
            self._secrets.revoked.setdefault(serial, int(time.time()))
        return bool(serials)

    def next_list(self) -> bytes | None:
        """The list of what is revoked (PEM), where the one on the disk is not it; its number is in `secrets`."""
        with contextlib.suppress(FileNotFoundError, CertificateError):
            number, listed = self.authority.listed(self._paths.revoked.read_bytes())
            if number > self._secrets.revocations:  # the key store was put back: what was revoked stays so
                self._recall({f"{serial:x}": when for serial, when in listed.items()})
                self._secrets.revocations = number
            if (number, set(listed)) == (self._secrets.revocations, {int(each, 16) for each in self._secrets.revoked}):
                return None
        self._secrets.revocations += 1
        serials = {int(serial, 16): when for serial, when in self._secrets.revoked.items()}
        return self.authority.revocation_list(serials, self._secrets.revocations)

    def _recall(self, listed: dict[str, int]) -> None:
        """Revoke again what a list of ours says, and the mark of each name that had such a certificate."""
        lost = listed.keys() - self._secrets.revoked.keys()
        for name, serials in self._secrets.issued.items():
            if lost.intersection(serials):
                self._secrets.marks[name] = os.urandom(_MARK_BYTES).hex()
        self._secrets.revoked.update({serial: listed[serial] for serial in lost})

    def write(self, revoked: bytes | None) -> None:
        """Put the new certificates and the list, if there is one, onto the disk. Their keys are there already."""
        if revoked is not None:
            durable.replace(self._paths.revoked, revoked, durable.PUBLIC)
        self._paths.certificates.mkdir(parents=True, exist_ok=True)
        for name, pem in self._new.items():
            durable.replace(self._paths.certificate(name), pem, durable.PUBLIC)
        for name in self._gone:
            durable.remove(self._paths.certificate(name))
        self._new.clear()
        self._gone.clear()
