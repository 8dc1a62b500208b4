"""Replacing a mote's root key over the air: what the key store does. The gateway passes on what it cannot open.

    begin    the fleet has both keys; from here on both are good, for sealing and for CONNECT
    …        the gateway hands the update to the mote, which saves the new key and uses it
    finish   the gateway has heard the mote under the new key: the old one is forgotten

After a suspected compromise this is the wrong tool: a key sent under a stolen key is stolen. Revoke the mote and
provision it by cable.
"""

import os

from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from mote import roots

from .errors import IronmoteError
from .fleet import MAX_GENERATION, ROOT_BYTES, Mote

_RANDOM_BYTES = 8


def begin(mote: Mote) -> None:
    """Make the next root key of `mote`; does nothing where that was done and not finished.

    Raises IronmoteError where its generations are spent.
    """
    if mote.successor is None:
        if mote.generation >= MAX_GENERATION:
            raise IronmoteError(f"{mote.id} has had {MAX_GENERATION} root keys; give it another id")
        mote.successor = os.urandom(ROOT_BYTES)


def replace(mote: Mote, known: int = 0) -> None:
    """Give `mote` another root key, for its board to be provisioned with by cable: after a theft, or for another board.

    Its generation is above each that a board can have, and above `known`, the highest that was ever noted. Raises
    IronmoteError where its generations are spent.
    """
    spent = max(known, mote.generation + (mote.successor is not None))
    if spent >= MAX_GENERATION:
        raise IronmoteError(f"{mote.id} has had {MAX_GENERATION} root keys; give it another id")
    mote.generation, mote.root, mote.successor = spent + 1, os.urandom(ROOT_BYTES), None


def update_for(mote: Mote, fleet_id: bytes) -> bytes:
    """The sealed update for a mote whose rotation was begun: for the gateway to pass on as often as it likes.

    Each call draws another key to seal it with, so no two updates share a nonce.
    """
    if mote.successor is None:
        raise IronmoteError(f"{mote.id} keeps its root key: no rotation was begun")
    update: bytes = roots.seal_update(
        mote.root, fleet_id, mote.id, mote.generation + 1, mote.successor, os.urandom(_RANDOM_BYTES), AESCCM
    )
    return update


def finish(mote: Mote, generation: int) -> None:
    """The gateway has heard `mote` under a key of `generation`: the successor is its root key now."""
    if mote.successor is not None and generation == mote.generation + 1:
        mote.root, mote.successor, mote.generation = mote.successor, None, generation
