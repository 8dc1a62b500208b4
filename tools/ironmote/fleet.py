"""The fleet: all motes of one owner, their keys and what each of them is.

This is the model alone. It does no I/O, and nothing that prints an object of it prints a key.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mote import channel, keys, topics

from .errors import IronmoteError
from .roles import Role

ROOT_BYTES = 32
FLEET_ID_BYTES = 16
MAX_GENERATION = 255  # one byte of every epoch

# The zones, each one broker endpoint: TLS on both sides, and TCP for sealed motes only.
HOME = "home"
CLEAR = "clear"


def check_id(text: str) -> str:
    """Return `text`, a mote's id. Raises IronmoteError where it cannot be one."""
    if not topics.is_id(text):
        raise IronmoteError(f"{text!r} cannot be a mote's id: 1 to 23 of a-z, 0-9 and -")
    return text


@dataclass
class Mote:
    """One device.

    `channel` is None until the board's facts have been measured; `why` is the sentence that explains the choice.
    `sensors`, `actuators` and `rules` have the form of the device's settings (mote.settings). `connect` says how it
    shows who it is where there is no TLS: "token" (counts, for brokers that can ask an authenticator) or "static".
    """

    id: str
    board: str
    generation: int = 1
    root: bytes = field(default_factory=lambda: os.urandom(ROOT_BYTES), repr=False)
    successor: bytes | None = field(default=None, repr=False)  # the next root key, while both are good
    channel: str | None = None
    why: str = ""
    zone: str = HOME
    connect: str = "token"
    revoked: bool = False  # no broker is to know it until it was provisioned again
    sensors: list[dict[str, Any]] = field(default_factory=list)
    actuators: list[dict[str, Any]] = field(default_factory=list)
    rules: list[dict[str, Any]] = field(default_factory=list)

    @property
    def seals(self) -> bool:
        """True when the payloads are sealed end to end, with or without TLS around them."""
        return self.channel is not None and self.channel.endswith("sealed")

    @property
    def encrypts(self) -> bool:
        """True when the connection to the broker is TLS."""
        return self.channel is not None and self.channel.startswith("tls")

    @property
    def certified(self) -> bool:
        """True when the mote and its broker know each other by certificates."""
        return self.channel is not None and channel.parts(self.channel)[0] == channel.TLS

    @property
    def shares_key(self) -> bool:
        """True when the mote and its broker know each other by a key that both have."""
        return self.channel is not None and channel.parts(self.channel)[0] == channel.TLS_PSK

    @property
    def prefix(self) -> str:
        """The first level of this mote's topics: "sealed" when its payloads are sealed, else "mote"."""
        return "sealed" if self.seals else "mote"

    def seal_key(self, fleet_id: bytes) -> bytes:
        """The 32-byte key that sealing contexts are derived from: what the gateway is given."""
        key: bytes = keys.subkey(self.root, fleet_id, keys.SEAL)
        return key

    def connect_key(self, fleet_id: bytes) -> bytes:
        """The 32-byte key that CONNECT passwords are made with: what an authenticator is given."""
        key: bytes = keys.subkey(self.root, fleet_id, keys.CONNECT)
        return key

    def connect_keys(self, fleet_id: bytes) -> tuple[bytes, ...]:
        """The connect keys that are good now, newest first: two while the root key is being replaced."""
        roots = (self.root,) if self.successor is None else (self.successor, self.root)
        return tuple(keys.subkey(root, fleet_id, keys.CONNECT) for root in roots)

    def psk(self, fleet_id: bytes) -> bytes:
        """The 32-byte key of TLS with a pre-shared key: what a broker is given."""
        key: bytes = keys.subkey(self.root, fleet_id, keys.PSK)
        return key

    def static_password(self, fleet_id: bytes) -> str:
        """The CONNECT password of a mote whose settings say "static": counter 0, for brokers that only compare."""
        password: str = keys.connect_password(self.connect_key(fleet_id), self.id, self.zone, 0)
        return password


@dataclass
class Fleet:
    """All motes of one owner. `id` is random and public: it is the salt of every key derivation.

    `users` are people and programs that read and command motes in the trusted zone, by the name in their certificate.
    """

    id: bytes
    motes: dict[str, Mote] = field(default_factory=dict)
    users: dict[str, Role] = field(default_factory=dict)

    @classmethod
    def create(cls) -> "Fleet":
        """A new, empty fleet."""
        return cls(os.urandom(FLEET_ID_BYTES))

    def add(self, mote_id: str, board: str) -> Mote:
        """Add a mote with a new random root key. Raises IronmoteError on a bad id or one that is taken."""
        check_id(mote_id)
        if mote_id in self.motes:
            raise IronmoteError(f"there is already a mote called {mote_id}")
        if mote_id in self.users:
            raise IronmoteError(f"a user is called {mote_id}; brokers could not tell them apart")
        mote = Mote(mote_id, board)
        self.motes[mote_id] = mote
        return mote

    def encrypting(self) -> Iterator[Mote]:
        """The motes that connect with TLS. Here and below those that were revoked are left out."""
        return (mote for mote in self._valid() if mote.encrypts)

    def certified(self) -> Iterator[Mote]:
        """The motes that connect with TLS and a certificate."""
        return (mote for mote in self._valid() if mote.certified)

    def sharing_keys(self) -> Iterator[Mote]:
        """The motes that connect with TLS and a pre-shared key."""
        return (mote for mote in self._valid() if mote.shares_key)

    def clear(self) -> Iterator[Mote]:
        """The motes that connect over TCP in the clear, everything they say being sealed."""
        return (mote for mote in self._valid() if mote.channel == "sealed")

    def _valid(self) -> Iterator[Mote]:
        return (mote for mote in self.motes.values() if not mote.revoked)
