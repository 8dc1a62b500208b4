"""How what a mote says is protected: inside TLS as JSON, or sealed end to end as COSE.

Three classes with one face: `up`, `answer` and `state` turn a value into the payload of its leaf,
`will` and `password` are for one connection, `command` turns a downlink into a Command. Which of
them a mote has was decided from facts before anything was dialled (`channel`), and stays.
"""

import json

from mote import cbor, command, const, keys, limits, record, sealed, topics, uptime

_ANCHORS = const(16)
# The longest command: 1 for the map; id 10; name 1+2+33; value 1+2+128; anchor and deadline 1+9 each: 198 bytes.
# Sealed: 9 for the head, sender 8, Partial IV 7, epoch 15, the head of the ciphertext 2, tag 16. What is longer is
# refused before a key is derived: deciphering takes several times its length, which a small board may not have.
LONGEST_DOWN = const(255)


class Expired(Exception):
    """The command is genuine and too old to obey; `command` says which it was."""

    def __init__(self, command):
        super().__init__("older than this mote allows")
        self.command = command


class Behind(sealed.Replayed):
    """It verifies and is not newer than the last: a replay, or a gateway whose count is behind this mote's."""


class Spent(Exception):
    """The keys of this epoch have sealed as much as they may, and no other epoch was begun."""


class InTls:
    """JSON that any consumer reads; the broker authenticates both ends and keeps others out."""

    retain_state = True

    def __init__(self, mote_id, clock, boot_counter):
        self._mote_id = mote_id
        self._clock = clock
        self._boot_counter = boot_counter

    def topic(self, leaf):
        return topics.open_topic(self._mote_id, leaf)

    sequence = failed = 0
    down = -1
    spent = proven = False

    def password(self, connection):
        """Return None, no password: the certificate is the mote's name."""

    def resume(self, sequence, down, failed):
        """Nothing is counted here."""

    def accepted(self):
        """There is no password that could have been the right one."""

    def refused(self):
        """Return False: there is no other password."""
        return False

    def up(self, base_time, identity, readings):
        return record.pack_json(topics.base_name(self._mote_id), base_time, identity, readings)

    def answer(self, answer):
        return command.encode_answer_json(answer)

    def state(self, status):
        return json.dumps(status).encode()

    def will(self, connection, status):
        return self.state(status)

    def command(self, payload):
        """Return the Command in `payload`. Raises CommandError, or Expired after its deadline, or after its boot."""
        order = command.decode_command_json(payload)
        now = self._clock.now()
        # One that is sent again names the boot in which this mote would know that it has obeyed it.
        if order.anchor is not None and order.anchor != self._boot_counter:
            raise Expired(order)
        # A command without a deadline, or a mote without a clock, cannot tell old from new.
        if order.deadline is None or now is None or now > order.deadline:
            raise Expired(order)
        return order


class Sealed:
    """Every payload a COSE_Encrypt0 under keys that only this mote and the gateway have."""

    retain_state = False

    def __init__(self, mote_id, zone_id, fleet_id, root, epoch, boot_counter, static, max_age_ms):
        self._mote_id = mote_id
        self._zone_id = zone_id
        self._fleet_id = fleet_id
        self._static = static
        self._max_age_ms = max_age_ms
        self._names = {leaf: topics.name(mote_id, leaf) for leaf in topics.LEAVES}
        self.begin(epoch, boot_counter, root)

    def begin(self, epoch, boot_counter, root, older=None):
        """Seal under the keys of `epoch` from here on, of which nothing was used yet.

        `older` is the root key before `root` while a broker may still want a password of it.
        """
        self._epoch = epoch
        self._boot_counter = boot_counter
        self._connect_keys = [keys.subkey(each, self._fleet_id, keys.CONNECT) for each in (root, older) if each]
        self._turn = 0  # which of them the next password is of; 0 is that of the newest root key
        self._accepted = False
        self._seal_key = keys.subkey(root, self._fleet_id, keys.SEAL)
        self._uplink = self._context(sealed.UPLINK)
        self._downlink = None
        self.resume(0, -1, 0)

    def resume(self, sequence, down, failed):
        """Go on with `sequence` as that of the next uplink, `down` as the highest downlink verified.

        `failed` is how many openings failed in this epoch.
        """
        self.sequence = sequence
        self.down = down
        self.failed = failed
        # When each of the last uplinks was written: the place is its sequence modulo _ANCHORS.
        self._written = [None] * _ANCHORS

    @property
    def spent(self):
        """True where it is time for a new epoch: the keys of this one were used often enough (limits)."""
        return self.sequence >= limits.SEALS or self.failed >= limits.FAILURES

    @property
    def proven(self):
        """True once the broker took a password of the root key of this epoch and a downlink verified under it."""
        return self._accepted and self.down >= 0

    @property
    def generation(self):
        """The generation of the root key that this epoch is of."""
        return self._epoch[0]

    def _context(self, kid):
        return sealed.Context(self._seal_key, self._fleet_id, kid, self._epoch)

    def topic(self, leaf):
        return topics.sealed_topic(self._mote_id, leaf)

    def password(self, connection):
        counter = 0 if self._static else keys.connect_counter(self._boot_counter, connection)
        return keys.connect_password(self._connect_keys[self._turn], self._mote_id, self._zone_id, counter)

    def accepted(self):
        """The broker took the last password."""
        self._accepted = self._turn == 0

    def refused(self):
        """The broker refuses the password; return True where the next CONNECT shows another one.

        That of another root key, or the next token: whoever verifies it was away, or this one came too late.
        """
        self._turn = (self._turn + 1) % len(self._connect_keys)
        return len(self._connect_keys) > 1 or not self._static

    def _seal(self, leaf, plaintext):
        sequence = self.sequence
        if sequence >= limits.SPENT:
            raise Spent("the keys of this epoch are spent")
        message = self._uplink.seal(sequence, self._names[leaf], plaintext)
        self.sequence = sequence + 1
        self._written[sequence % _ANCHORS] = uptime.ms()
        return message

    def up(self, base_time, identity, readings):
        plain = record.pack_cbor(topics.base_name(self._mote_id), base_time, identity, readings)
        return self._seal("up", plain)

    def answer(self, answer):
        return self._seal("ack", command.encode_answer_cbor(answer))

    def state(self, status):
        return self._seal("state", cbor.encode(status))

    def will(self, connection, status):
        """Seal the will under its own sender id; its sequence is the number of the connection."""
        return self._context(sealed.WILL).seal(connection, self._names["state"], cbor.encode(status))

    def command(self, payload):
        """Return the Command in `payload`. Raises Refused, CommandError, or Expired for a stale anchor."""
        envelope = sealed.parse(payload, LONGEST_DOWN)
        if envelope.kid[:1] != sealed.DOWNLINK or len(envelope.kid) != 7:
            raise sealed.Refused("not a downlink")
        if envelope.epoch != self._epoch:
            raise sealed.Refused("another epoch")
        context = self._downlink
        if context is None or context.kid != envelope.kid:
            context = self._context(envelope.kid)
        try:
            plaintext = context.open(envelope, self._names["down"])
        except sealed.Refused:
            # A key for each sender: whoever invents senders spreads its guesses, and they all count as one key's.
            self.failed += 1
            raise
        if envelope.sequence <= self.down:
            raise Behind("downlink not newer than the last")
        self._downlink = context
        self.down = envelope.sequence
        order = command.decode_command_cbor(plaintext)
        if not self._fresh(order.anchor):
            raise Expired(order)
        return order

    def _fresh(self, anchor):
        """True where `anchor` is one of the last uplinks and was written recently enough."""
        if anchor is None or not self.sequence - _ANCHORS <= anchor < self.sequence or anchor < 0:
            return False
        written = self._written[anchor % _ANCHORS]  # None where it was before a sleep
        return written is not None and 0 <= uptime.ms() - written <= self._max_age_ms


class SealedInTls(Sealed):
    """Sealed as ever, for a broker that knows the mote by its TLS: CONNECT carries no password."""

    def password(self, connection):
        """Return None, no password."""

    def refused(self):
        """Return False: there is no other password."""
        return False
