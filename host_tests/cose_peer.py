"""The other end of a sealed channel, written from docs/PROTOCOL.md with libraries that are not ours.

pycose opens and seals, cbor2 encodes, cryptography derives. Nothing of `mote` or `ironmote` is imported.
"""

import cbor2
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pycose.algorithms import AESCCM16128256
from pycose.headers import KID, Algorithm, KIDContext, PartialIV
from pycose.keys import SymmetricKey
from pycose.keys.keyops import DecryptOp, EncryptOp
from pycose.keys.keyparam import KpAlg, KpBaseIV, KpKeyOps
from pycose.messages import Enc0Message

ALGORITHM = 31  # AES-CCM-16-128-256


def _hkdf(salt: bytes, ikm: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(ikm)


class Peer:
    """Whoever knows a mote's root key. `name` is `<id>/<leaf>` everywhere."""

    def __init__(self, fleet_id: bytes, root: bytes) -> None:
        self._fleet_id = fleet_id
        self._seal_key = _hkdf(fleet_id, root, b"ironmote 1 seal", 32)

    def key(self, kid: bytes, epoch: bytes) -> SymmetricKey:
        """The COSE key of a sender in an epoch, with the Context IV as its Base IV (RFC 9052, 3.1)."""
        key = self._derive([kid, epoch, ALGORITHM, "Key", 32], 32)
        common = self._derive([b"", epoch, ALGORITHM, "IV", 13], 13)
        label = bytes((len(kid),)) + kid.rjust(7, b"\0") + bytes(5)
        base = bytes(a ^ b for a, b in zip(common, label, strict=True))
        found = SymmetricKey(key)
        found[KpAlg], found[KpBaseIV], found[KpKeyOps] = AESCCM16128256, base, [EncryptOp, DecryptOp]
        return found

    def open(self, payload: bytes, name: str) -> tuple[bytes, int, object]:
        """(kid, sequence, the CBOR inside) of a message. Raises where it does not verify."""
        tagged = cbor2.loads(payload)
        assert tagged.tag == Enc0Message.cbor_tag
        # Not CoseMessage.decode: pycose 1.1.0 wants lists, and cbor2 6 reads what is in a tag as tuples.
        protected, unprotected, ciphertext = tagged.value
        message = Enc0Message.from_cose_obj([protected, dict(unprotected), ciphertext], True)
        kid, piv, epoch = message.uhdr[KID], message.uhdr[PartialIV], message.uhdr[KIDContext]
        assert message.phdr == {Algorithm: AESCCM16128256}
        self._complete(message, kid, piv, epoch, name)
        return kid, int.from_bytes(piv, "big"), cbor2.loads(message.decrypt())

    def seal(self, kid: bytes, sequence: int, epoch: bytes, name: str, content: object) -> bytes:
        """The message that carries `content` as deterministic CBOR."""
        piv = sequence.to_bytes(max(1, (sequence.bit_length() + 7) // 8), "big")
        message = Enc0Message(
            phdr={Algorithm: AESCCM16128256},
            uhdr={KID: kid, PartialIV: piv, KIDContext: epoch},
            payload=cbor2.dumps(content, canonical=True),
        )
        self._complete(message, kid, piv, epoch, name)
        sealed: bytes = message.encode()
        return sealed

    def _derive(self, info: list[object], length: int) -> bytes:
        return _hkdf(self._fleet_id, self._seal_key, cbor2.dumps(info), length)

    def _complete(self, message: Enc0Message, kid: bytes, piv: bytes, epoch: bytes, name: str) -> None:
        message.key = self.key(kid, epoch)
        message.external_aad = cbor2.dumps([1, [ALGORITHM], kid, piv, name])
        # pycose 1.1.0 drops leading zeros of the nonce that it computes, one time in 256.
        computed = message._get_nonce
        message._get_nonce = lambda: computed().rjust(13, b"\0")
