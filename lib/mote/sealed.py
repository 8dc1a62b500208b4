"""A sealed message: COSE_Encrypt0 (RFC 9052) under keys and nonces of OSCORE (RFC 8613, 3.2.1 and 5.2).

    D0 83 | 44 A1 01 18 1F | A3 04 kid 06 Partial IV 0A epoch | ciphertext with its 16-byte tag

One algorithm, AES-CCM-16-128-256 (31), and one form: what differs in a byte is refused before any key
is derived. The topic is bound as `<id>/<leaf>`, without the prefix under which it travels.
"""

from mote import cbor, const, keys

UPLINK = b"\x01"
DOWNLINK = b"\x02"  # the first byte; six random ones follow, drawn by each gateway process
WILL = b"\x03"
UPDATE = b"\x04"  # a new root key, inside a command (mote.roots)

MAX_UP = const(4096)
MAX_DOWN = const(1024)
MAX_SEQUENCE = const(0xFFFFFFFFFF)  # 2^40 - 1 (RFC 8613, 7.2.1)
EPOCH_SIZE = const(13)

_ALGORITHM = const(31)
_KEY_SIZE = const(32)
_NONCE_SIZE = const(13)
_TAG_SIZE = const(16)
_DOWNLINK_SIZE = const(7)  # the longest that there is: nonce size - 6 (RFC 8613, 3.3)
_LONGEST_PIV = const(5)
_VERSION = const(1)
_HEAD = b"\xd0\x83\x44\xa1\x01\x18\x1f\xa3\x04"
_ENC_STRUCTURE = b"\x83\x68Encrypt0\x44\xa1\x01\x18\x1f"


class Refused(Exception):
    """The message does not verify. The text is for this side's log; the sender learns nothing."""


class Replayed(Refused):
    """It verifies as far as was looked, and was taken before or is too old to tell."""


def make_epoch(generation, counter, random8):
    """Return the 13 bytes of an epoch: generation (1), boot counter (4), random (8). Raises ValueError."""
    if not 0 <= generation <= 0xFF or not 0 <= counter <= 0xFFFFFFFF or len(random8) != 8:
        raise ValueError("not the parts of an epoch")
    return bytes((generation,)) + counter.to_bytes(4, "big") + random8


def split_epoch(epoch):
    """Return (generation, boot counter, random) of an epoch of 13 bytes. Raises ValueError."""
    if len(epoch) != EPOCH_SIZE:
        raise ValueError("not an epoch")
    return epoch[0], int.from_bytes(epoch[1:5], "big"), epoch[5:]


def oscore_info(sender_id, id_context, algorithm, kind, length):
    """Return the `info` of a derivation (RFC 8613, 3.2.1); `kind` is "Key" or "IV", `id_context` may be None."""
    return cbor.encode([sender_id, id_context, algorithm, kind, length])


def oscore_nonce(common_iv, sender_id, piv):
    """Return the AEAD nonce for a Partial IV (RFC 8613, 5.2); with an empty one, the Context IV of COSE."""
    size = len(common_iv)
    nonce = bytearray(size)
    nonce[0] = len(sender_id)
    nonce[size - 5 - len(sender_id) : size - 5] = sender_id
    nonce[size - len(piv) :] = piv
    for i in range(size):
        nonce[i] ^= common_iv[i]
    return bytes(nonce)


def _piv_string(sequence):
    """Return `sequence` as a Partial IV in its byte string: minimal, and zero is one byte. Raises ValueError."""
    if not 0 <= sequence <= MAX_SEQUENCE:
        raise ValueError("sequence numbers are spent")
    size = 1
    while sequence >> 8 * size:
        size += 1
    return ((0x40 | size) << 8 * size | sequence).to_bytes(size + 1, "big")


class Envelope:
    """A message of the right form, not yet verified: kid, epoch, sequence number, Partial IV, ciphertext."""

    def __init__(self, kid, epoch, piv, ciphertext):
        self.kid = kid
        self.epoch = epoch
        self.piv = piv
        self.sequence = int.from_bytes(piv, "big")
        self.ciphertext = ciphertext


def parse(message, limit):
    """Return the Envelope in `message`, of at most `limit` bytes. Raises Refused where a byte is out of place."""
    if not isinstance(message, (bytes, bytearray, memoryview)) or len(message) > limit:
        raise Refused("too long")
    if not isinstance(message, bytes):
        message = bytes(message)
    if message[: len(_HEAD)] != _HEAD:
        raise Refused("not a sealed message")
    kid, at = _short(message, len(_HEAD), _DOWNLINK_SIZE)
    if kid not in (UPLINK, WILL, UPDATE) and (len(kid) != _DOWNLINK_SIZE or kid[:1] != DOWNLINK):
        raise Refused("not a sender of ours")
    if message[at : at + 1] != b"\x06":
        raise Refused("not a sealed message")
    piv, at = _short(message, at + 1, _LONGEST_PIV)
    if piv[0] == 0 and len(piv) > 1:
        raise Refused("Partial IV not minimal")
    if message[at : at + 2] != b"\x0a\x4d":
        raise Refused("not a sealed message")
    epoch = message[at + 2 : at + 2 + EPOCH_SIZE]
    at += 2 + EPOCH_SIZE
    ciphertext = memoryview(message)[_body(message, at) :]
    return Envelope(kid, epoch, piv, ciphertext)


def _short(message, at, longest):
    """Return the byte string of 1 to `longest` bytes at `at`, and where it ends."""
    size = message[at] - 0x40 if at < len(message) else 0
    if not 1 <= size <= longest or at + 1 + size > len(message):
        raise Refused("not a sealed message")
    return message[at + 1 : at + 1 + size], at + 1 + size


def _body(message, at):
    """Return where the ciphertext begins whose CBOR head is at `at`; it must fill the rest exactly."""
    for width in (1, 2, 3):
        size = len(message) - at - width
        if size >= _TAG_SIZE and message[at : at + width] == cbor.head(cbor.BYTES, size):
            return at + width
    raise Refused("not a sealed message")


class Context:
    """What one sender seals with in one epoch: a key and a Context IV (RFC 8613, 3.2.1)."""

    def __init__(self, seal_key, fleet_id, kid, epoch, aead=None):
        """Derive from a mote's seal key; `aead` is a class with the face of `cryptography`'s AESCCM."""
        if aead is None:
            from mote.aead import AesCcm as aead
        prk = keys.hkdf_extract(fleet_id, seal_key)
        key = keys.hkdf_expand(prk, oscore_info(kid, epoch, _ALGORITHM, "Key", _KEY_SIZE), _KEY_SIZE)
        common = keys.hkdf_expand(prk, oscore_info(b"", epoch, _ALGORITHM, "IV", _NONCE_SIZE), _NONCE_SIZE)
        context_iv = oscore_nonce(common, kid, b"")
        self.kid = kid
        self.epoch = epoch
        self._aead = aead(key)
        # A Partial IV changes the last five bytes of the Context IV and no others.
        self._nonce_head = context_iv[: _NONCE_SIZE - _LONGEST_PIV]
        self._nonce_tail = int.from_bytes(context_iv[_NONCE_SIZE - _LONGEST_PIV :], "big")
        # All but the Partial IV and the name are the same in every message of this context.
        kid = cbor.encode(kid)
        self._header = _HEAD + kid + b"\x06"
        self._epoch_field = b"\x0a" + cbor.encode(epoch)
        self._external = b"\x85" + cbor.encode(_VERSION) + cbor.encode([_ALGORITHM]) + kid
        self._name = self._piv_size = self._size = None
        self._limit = MAX_DOWN if self.kid[:1] == DOWNLINK else MAX_UP

    def nonce(self, sequence):
        """Return the nonce of a sequence number: Context IV xor Partial IV (RFC 9052, 3.1)."""
        return self._nonce_head + (self._nonce_tail ^ sequence).to_bytes(_LONGEST_PIV, "big")

    def _bind(self, piv, name):
        """Return the AAD: ["Encrypt0", protected, external_aad] (RFC 9052, 5.3), the last as in PROTOCOL.

        All but the Partial IV is kept, and so `seal` asks for it only where another name comes, or a longer number.
        """
        text = cbor.head(cbor.TEXT, len(name)) + name
        size = len(self._external) + len(piv) + len(text)
        self._name = None  # until all that follows is made
        self._before = _ENC_STRUCTURE + cbor.head(cbor.BYTES, size) + self._external
        self._behind = text
        self._name = name
        self._piv_size = len(piv)
        return self._before + piv + text

    def seal(self, sequence, name, content):
        """Return the message with this sequence number for `name`, `<id>/<leaf>` in bytes; a number is used once.

        Raises ValueError where the sequence numbers are spent, or `content` is too long for a message.
        """
        # No more than these names: MicroPython puts a frame of more than eleven words on the heap.
        piv = (0x4100 | sequence).to_bytes(2, "big") if 0 <= sequence < 0x100 else _piv_string(sequence)
        if name is not self._name or len(piv) != self._piv_size or len(content) != self._size:
            self._lay_out(piv, name, len(content))
        name = self._before + piv + self._behind
        sequence = self._nonce_head + (self._nonce_tail ^ sequence).to_bytes(_LONGEST_PIV, "big")
        content = self._aead.encrypt(sequence, content, name)
        return b"".join((self._header, piv, self._middle, content))

    def _lay_out(self, piv, name, size):
        """Plan what messages of this form have in common. Raises ValueError where `size` bytes are too many."""
        self._size = None  # until all that follows is made
        self._bind(piv, name)
        self._middle = self._epoch_field + cbor.head(cbor.BYTES, size + _TAG_SIZE)
        if len(self._header) + len(piv) + len(self._middle) + size + _TAG_SIZE > self._limit:
            raise ValueError("too long to be sealed")
        self._size = size

    def open(self, envelope, name):
        """Return the plaintext of `envelope`, which came for `name`, `<id>/<leaf>` in bytes. Raises Refused."""
        if envelope.kid != self.kid or envelope.epoch != self.epoch:
            raise Refused("from another sender or epoch")
        name = self._bind(_piv_string(envelope.sequence), name)
        try:
            return self._aead.decrypt(self.nonce(envelope.sequence), envelope.ciphertext, name)
        except Exception as error:
            # InvalidTag of whichever library; nothing else can fail on an envelope of the right form.
            if type(error).__name__ != "InvalidTag":
                raise
            raise Refused("does not verify") from None
