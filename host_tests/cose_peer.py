"""The other end of a sealed channel, whose messages a COSE library opens and seals.

pycose has the form, the nonce and the AEAD; keys and what is bound to a message are those of the second implementation.
Nothing of `mote` or `ironmote` is imported.
"""

import cbor2
import second_implementation as second
from pycose.algorithms import AESCCM16128256
from pycose.headers import KID, Algorithm, KIDContext, PartialIV
from pycose.keys import SymmetricKey
from pycose.keys.keyops import DecryptOp, EncryptOp
from pycose.keys.keyparam import KpAlg, KpBaseIV, KpKeyOps
from pycose.messages import Enc0Message
from second_contents import encode


class Peer:
    """Whoever knows a mote's root key. `name` is `<id>/<leaf>` everywhere."""

    def __init__(self, fleet_id: bytes, root: bytes) -> None:
        self._fleet_id = fleet_id
        self._seal_key = second.key_for("seal", root, fleet_id)

    def key(self, kid: bytes, epoch: bytes) -> SymmetricKey:
        """The COSE key of a sender in an epoch, with the Context IV as its Base IV (RFC 9052, 3.1)."""
        key, base = second.context(self._seal_key, self._fleet_id, kid, epoch)
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
        piv = second.minimal(sequence)
        message = Enc0Message(
            phdr={Algorithm: AESCCM16128256},
            uhdr={KID: kid, PartialIV: piv, KIDContext: epoch},
            payload=encode(content),
        )
        self._complete(message, kid, piv, epoch, name)
        sealed: bytes = message.encode()
        return sealed

    def _complete(self, message: Enc0Message, kid: bytes, piv: bytes, epoch: bytes, name: str) -> None:
        message.key = self.key(kid, epoch)
        message.external_aad = second.external_aad(kid, piv, name)
        # pycose 1.1.0 drops leading zeros of the nonce that it computes, one time in 256.
        computed = message._get_nonce
        message._get_nonce = lambda: computed().rjust(13, b"\0")
