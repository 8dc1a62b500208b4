"""A sealed mote, a gateway's sealing side and an authenticator, written from docs/PROTOCOL.md alone.

Nothing of the project is imported: where this file and the project disagree, the document is wrong or one of the two
is. Numbers in brackets are the document's sections. Keys are derived and messages sealed with `cryptography`, CBOR is
`cbor2`'s; neither knows the other implementation's helpers, its order of checks or its constants.
"""

import base64
import hashlib
import hmac
import os
import re
import time
from collections.abc import Mapping, Sequence

import cbor2
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from second_contents import (
    ANCHOR,
    DEADLINE,
    FOR,
    ID,
    NAME,
    RESULT,
    VALUE,
    WHY,
    Refused,
    decode,
    encode,
    read_command,
    record,
)

PROTECTED = bytes.fromhex("A101181F")
UPLINK, WILL, UPDATE = b"\x01", b"\x03", b"\x04"
DONE, REFUSED, EXPIRED = 0, 1, 2
UP_BYTES, DOWN_BYTES, MOTE_DOWN_BYTES = 4096, 1024, 255


def hkdf(salt, ikm, info, length):
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(ikm)


def key_for(use, root, fleet):
    """Section 5: the key for "seal", "connect", "psk" or "update"."""
    return hkdf(fleet, root, b"ironmote 1 " + use.encode(), 32)


def epoch_of(generation, counter, random=None):
    return bytes([generation]) + counter.to_bytes(4, "big") + (os.urandom(8) if random is None else random)


def minimal(number):
    return number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big")


def _xor(one, other):
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def context(seal_key, fleet, kid, epoch):
    """Key and Context IV of a sender in an epoch (section 7)."""
    key = hkdf(fleet, seal_key, encode([kid, epoch, 31, "Key", 32]), 32)
    common = hkdf(fleet, seal_key, encode([b"", epoch, 31, "IV", 13]), 13)
    return key, _xor(common, bytes([len(kid)]) + kid.rjust(7, b"\0") + bytes(5))


def external_aad(kid, piv, name):
    return encode([1, [31], kid, piv, name])


def _parameters(seal_key, fleet, kid, piv, epoch, name):
    """Key, nonce and additional data of one message."""
    key, context_iv = context(seal_key, fleet, kid, epoch)
    aad = encode(["Encrypt0", PROTECTED, external_aad(kid, piv, name)])
    return key, _xor(context_iv, piv.rjust(13, b"\0")), aad


def seal(seal_key, fleet, epoch, kid, sequence, name, plaintext):
    """A COSE_Encrypt0 message; `name` is "<id>/<leaf>"."""
    piv = minimal(sequence)
    if len(piv) > 5:
        raise Refused("sequence above 2^40-1")
    key, nonce, aad = _parameters(seal_key, fleet, kid, piv, epoch, name)
    ciphertext = AESCCM(key, tag_length=16).encrypt(nonce, plaintext, aad)
    return encode(cbor2.CBORTag(16, [PROTECTED, {4: kid, 6: piv, 10: epoch}, ciphertext]))


def parts(message):
    """(kid, sequence, epoch, ciphertext) of a message whose form is right, byte for byte."""
    tagged = decode(message)
    if not isinstance(tagged, cbor2.CBORTag) or tagged.tag != 16 or not isinstance(tagged.value, Sequence):
        raise Refused("no COSE_Encrypt0")
    if len(tagged.value) != 3:
        raise Refused("not three elements")
    protected, header, ciphertext = tagged.value
    if protected != PROTECTED or not isinstance(header, Mapping) or set(header) != {4, 6, 10}:
        raise Refused("headers")
    kid, piv, epoch = header[4], header[6], header[10]
    if not all(isinstance(value, bytes) for value in (kid, piv, epoch, ciphertext)):
        raise Refused("types")
    if len(epoch) != 13 or not 1 <= len(piv) <= 5 or not 1 <= len(kid) <= 7 or len(ciphertext) < 16:
        raise Refused("lengths")
    sequence = int.from_bytes(piv, "big")
    if minimal(sequence) != piv:
        raise Refused("Partial IV is not minimal")
    return kid, sequence, epoch, ciphertext


def unseal(seal_key, fleet, message, name):
    """The plaintext, once the tag verifies."""
    kid, sequence, epoch, ciphertext = parts(message)
    key, nonce, aad = _parameters(seal_key, fleet, kid, minimal(sequence), epoch, name)
    try:
        return AESCCM(key, tag_length=16).decrypt(nonce, ciphertext, aad)
    except InvalidTag:
        raise Refused("tag") from None


def password(connect_key, mote, zone, counter):
    """Section 8; counter 0 is the static form."""
    mac = hmac.new(connect_key, encode(["connect", mote, zone, counter]), hashlib.sha256).digest()
    return f"1.{counter}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def make_update(root, fleet, mote, new_root, generation, random=None):
    """Section 11, the key store's: the update that carries `new_root`."""
    epoch = epoch_of(generation, 0, random)
    return seal(key_for("update", root, fleet), fleet, epoch, UPDATE, 0, f"{mote}/update", new_root)


def open_update(root, fleet, mote, generation, update):
    """(new root, new generation), where the update is for the root in force."""
    kid, sequence, epoch, _ = parts(update)
    if kid != UPDATE or sequence or epoch[1:5] != bytes(4) or epoch[0] <= generation:
        raise Refused("update")
    root = unseal(key_for("update", root, fleet), fleet, update, f"{mote}/update")
    if len(root) != 32:
        raise Refused("update")
    return root, epoch[0]


class Mote:
    """A sealed mote: what it remembers, and what it says and takes. No link: bytes in, bytes out."""

    def __init__(self, mote, zone, fleet, root, generation, counter, age_s=30):
        self.mote, self.zone, self.fleet, self.age_s = mote, zone, fleet, age_s
        self.root, self.generation, self.connection, self.numbers = root, generation, 0, 0
        self.old_root = None
        self.begin(counter)

    def begin(self, counter):
        """A new epoch, on a counter that was never used."""
        self.counter = counter
        self.epoch = epoch_of(self.generation, counter)
        self._seal_key = key_for("seal", self.root, self.fleet)
        self.sequence, self.highest_down = -1, -1
        self.anchors, self.answers = [], {}

    def connect_password(self, static=False):
        """The token of the next connection; a new one each time."""
        self.connection += 1
        counter = 0 if static else (self.counter << 32) + self.connection
        return password(key_for("connect", self.root, self.fleet), self.mote, self.zone, counter)

    def _seal(self, kid, sequence, leaf, plaintext):
        return seal(self._seal_key, self.fleet, self.epoch, kid, sequence, f"{self.mote}/{leaf}", plaintext)

    def say(self, leaf, plaintext):
        """An uplink: a record (`up`), an answer (`ack`) or a status (`state`)."""
        self.sequence += 1
        self.anchors = [*self.anchors[-15:], (self.sequence, time.monotonic())]
        return self._seal(UPLINK, self.sequence, leaf, plaintext)

    def will(self):
        body = {"online": False, "boot": self.counter, "connection": self.connection}
        return self._seal(WILL, self.connection, "state", encode(body))

    def status(self, **more):
        body = {
            "online": True, "boot": self.counter, "connection": self.connection, "channel": "sealed",
            "why": "written apart", "board": "second", "generation": self.generation, "reset": "power",
            "firmware": "0", "free": 0, "used": 0, "missing": [], "dropped": 0, "refused": 0, "uptime": 0, **more,
        }  # fmt: skip
        if self.highest_down >= 0:
            body["down"] = self.highest_down
        return self.say("state", encode(body))

    def record(self, readings, taken=None):
        self.numbers += 1
        identity = f"{self.generation}.{self.counter}.{self.numbers}"
        return self.say("up", record(self.mote, identity, readings, taken))

    def hear(self, message):
        """The command in a downlink. It is not judged yet; see `judge`."""
        if len(message) > MOTE_DOWN_BYTES:
            raise Refused("size")
        kid, sequence, epoch, _ = parts(message)
        if len(kid) != 7 or kid[:1] != b"\x02" or epoch != self.epoch:
            raise Refused("not a downlink of this epoch")
        plaintext = unseal(self._seal_key, self.fleet, message, f"{self.mote}/down")
        if sequence <= self.highest_down:
            raise Refused("not higher")
        self.highest_down = sequence
        return read_command(plaintext)

    def judge(self, command, act):
        """The answer to a command. `act(name, value)` gives what is set, or raises `Refused`."""
        known = self.answers.get(command[ID])
        if known is not None:
            return self.say("ack", encode(known))
        answer = {ID: command[ID], NAME: command[NAME]}
        written = dict(self.anchors).get(command.get(ANCHOR))
        if written is None or time.monotonic() - written > self.age_s:
            return self.say("ack", encode({**answer, RESULT: EXPIRED, WHY: "the anchor is unknown or too old"}))
        try:
            value = act(command[NAME], command[VALUE])
            answer |= {RESULT: DONE} if value is None else {RESULT: DONE, VALUE: value}
        except Refused as error:
            answer |= {RESULT: REFUSED, WHY: str(error)}
        self.answers = dict([*self.answers.items(), (command[ID], answer)][-16:])
        return self.say("ack", encode(answer))

    def rotate(self, update):
        """Steps 3 and 4 of section 11 but for the answer: after it, `begin` an epoch and connect anew."""
        new, generation = open_update(self.root, self.fleet, self.mote, self.generation, update)
        self.old_root, self.root, self.generation = self.root, new, generation


class Window:
    """64 sequence numbers; what was taken, or is older than all of them, is refused."""

    def __init__(self):
        self.highest, self.seen = -1, 0

    def check(self, sequence):
        back = self.highest - sequence
        if back >= 64 or (back >= 0 and self.seen >> back & 1):
            raise Refused("replay")

    def take(self, sequence):
        ahead = sequence - self.highest
        if ahead > 0:
            self.seen, self.highest = (self.seen << min(ahead, 64) | 1) & (1 << 64) - 1, sequence
        else:
            self.seen |= 1 << -ahead


class Gateway:
    """The gateway's sealing side for one mote."""

    def __init__(self, mote, fleet, seal_keys):
        """`seal_keys` by generation: one, or two during a rotation."""
        self.mote, self.fleet, self.seal_keys = mote, fleet, dict(seal_keys)
        self.sender = b"\x02" + os.urandom(6)
        self.epochs, self.down, self.floor = {}, -1, -1  # counter -> (epoch, windows by kid)
        self.last = None  # sequence number of the newest uplink in the newest epoch

    def open(self, topic, message):
        """(leaf, plaintext), whatever fails is `Refused`. The order is that of section 7."""
        prefix, mote, leaf = topic.split("/")
        if len(message) > UP_BYTES:
            raise Refused("size")
        kid, sequence, epoch, _ = parts(message)
        if prefix != "sealed" or mote != self.mote or leaf not in ("up", "ack", "state"):
            raise Refused("topic")
        if kid != UPLINK and (kid != WILL or leaf != "state"):
            raise Refused("sender")
        generation, counter = epoch[0], int.from_bytes(epoch[1:5], "big")
        if generation not in self.seal_keys:
            raise Refused("generation")
        known, windows = self.epochs.get(counter, (epoch, {UPLINK: Window(), WILL: Window()}))
        if known != epoch or (counter not in self.epochs and counter <= max(self.epochs, default=self.floor)):
            raise Refused("epoch")
        windows[kid].check(sequence)
        plaintext = unseal(self.seal_keys[generation], self.fleet, message, f"{mote}/{leaf}")
        windows[kid].take(sequence)
        self.epochs[counter] = (epoch, windows)
        self.epochs = {number: self.epochs[number] for number in sorted(self.epochs)[-4:]}
        self.seal_keys = {number: key for number, key in self.seal_keys.items() if number >= generation}
        if kid == UPLINK and counter == max(self.epochs):
            self.last = windows[kid].highest
        return leaf, plaintext

    def command(self, name, value, identity=None, anchor=None, deadline=None, seconds=None):
        """(id, message): a command sealed under the highest epoch, anchored in the last uplink unless told."""
        identity = identity or os.urandom(8)
        body = {ID: identity, NAME: name, VALUE: value, ANCHOR: self.last if anchor is None else anchor}
        if deadline is not None:
            body[DEADLINE] = deadline
        if seconds is not None:
            body[FOR] = seconds
        self.down += 1
        epoch, _ = self.epochs[max(self.epochs)]
        generation = epoch[0]
        return identity, seal(
            self.seal_keys[generation], self.fleet, epoch, self.sender, self.down, f"{self.mote}/down", encode(body)
        )


class Authenticator:
    """Section 8 for one zone: `motes` are {id: (connect keys, newest first; whether its settings say static)}."""

    def __init__(self, zone, motes):
        self.zone, self.motes, self.highest = zone, motes, {}

    def allows(self, user, client, token):
        if user not in self.motes:
            return False
        match = re.fullmatch(r"1\.(0|[1-9][0-9]{0,19})\.[A-Za-z0-9_-]{43}", token)
        if not match or int(match[1]) >= 1 << 64:
            return False
        counter = int(match[1])
        keys, static = self.motes[user]
        fits = [hmac.compare_digest(password(key, user, self.zone, counter), token) for key in keys]
        if True not in fits:
            return False
        place = fits.index(True)
        if client not in (None, user):
            return False
        if counter == 0:
            return static
        if any(counter <= self.highest.get((user, key), 0) for key in keys):
            return False
        self.highest[user, keys[place]] = counter
        return True
