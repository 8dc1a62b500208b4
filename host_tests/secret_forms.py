"""What is secret in a fleet, how it could stand in what was written or printed, and whether it does."""

import base64
import re
from collections.abc import Iterator

from cryptography.hazmat.primitives.serialization import load_der_private_key
from ironmote.open_folder import OpenFolder
from mote import keys

SUBKEYS = {"seal": keys.SEAL, "connect": keys.CONNECT, "psk": keys.PSK, "update": keys.UPDATE}
SHORTEST = 8  # bytes of a secret that are looked for as such
_BREAKS = re.compile(rb"\s+|\\n|\\r")
_EMPTY = re.compile(rb"\x00{64,}|\xff{64,}")  # most of a flash image


def secrets_of(held: OpenFolder) -> Iterator[tuple[str, bytes]]:
    """Every secret of a fleet with its kind, and the keys that are made of them."""
    yield "authority", number(held.secrets.authority)
    for key in held.secrets.leaves.values():
        yield "leaf", number(key)
    for text in held.secrets.wifi.values():
        yield "wifi", text.encode()
    for text in held.secrets.passwords.values():
        yield "password", text.encode()
    for mote in held.fleet.motes.values():
        yield "password", mote.static_password(held.fleet.id).encode()
        for root in filter(None, (mote.root, mote.successor)):
            yield from of_root(root, held.fleet.id)


def of_root(root: bytes, fleet: bytes) -> Iterator[tuple[str, bytes]]:
    yield "root", root
    for kind, label in SUBKEYS.items():
        yield kind, keys.subkey(root, fleet, label)


def number(key_der: bytes) -> bytes:
    """The 32 bytes that are the secret of a private key."""
    return load_der_private_key(key_der, None).private_numbers().private_value.to_bytes(32, "big")


def forms(secret: bytes) -> set[bytes]:
    """`secret` as it is, as Python and JSON write it, in hex, in base64 from any byte of it on."""
    found = {secret, repr(secret)[2:-1].encode(), secret.hex().encode(), secret.hex().upper().encode()}
    found |= {secret.hex(" ").encode(), ", ".join(map(str, secret)).encode(), ",".join(map(str, secret)).encode()}
    for skip in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            # Without its ends, which depend on what is around it.
            found.add(encode(bytes(skip) + secret).rstrip(b"=")[4 if skip else 0 : -1])
    return {each for each in found if len(each) >= SHORTEST}


def parts(secret: bytes) -> set[bytes]:
    """The forms of a secret and of each half of it: a part of it is too much as well."""
    half = len(secret) // 2
    whole = forms(secret)
    return whole | forms(secret[:half]) | forms(secret[half:]) if half >= SHORTEST else whole


class Sought:
    """What is looked for: secrets by the name of their kind. Looking costs the same, however many there are."""

    def __init__(self) -> None:
        self._by_start: dict[bytes, set[tuple[bytes, str]]] = {}
        self._known: set[tuple[str, bytes]] = set()

    def add(self, kind: str, secret: bytes) -> None:
        if (kind, secret) in self._known:
            return
        self._known.add((kind, secret))
        for form in parts(secret):
            self._by_start.setdefault(form[:SHORTEST], set()).add((form, kind))

    def __len__(self) -> int:
        return len(self._known)

    def kinds_in(self, data: bytes) -> set[str]:
        """The kinds of the secrets in `data`; in text also where a line is broken in the middle of one, as PEM does."""
        found = self._kinds_in(_EMPTY.sub(b"", data))
        return found if b"\0" in data else found | self._kinds_in(_BREAKS.sub(b"", data))

    def _kinds_in(self, data: bytes) -> set[str]:
        found = set()
        starts = self._by_start
        for at in range(len(data) - SHORTEST + 1):
            for form, kind in starts.get(data[at : at + SHORTEST], ()):
                if data.startswith(form, at):
                    found.add(kind)
        return found
