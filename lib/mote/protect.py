"""How what a mote says is protected: inside TLS as JSON, or sealed end to end as COSE.

Three classes with one face: `up`, `answer` and `state` turn a value into the payload of its leaf,
`will` and `password` are for one connection, `command` turns a downlink into a Command. Which of
them a mote has was decided from facts before anything was dialled (`channel`), and stays.
"""

import json
import time

from mote import cbor, command, const, keys, record, sealed, topics

_ANCHORS = const(16)


class Expired(Exception):
    """The command is genuine and too old to obey; `command` says which it was."""

    def __init__(self, command):
        super().__init__("older than this mote allows")
        self.command = command


class InTls:
    """JSON that any consumer reads; the broker authenticates both ends and keeps others out."""

    retain_state = True

    def __init__(self, mote_id, clock):
        self._mote_id = mote_id
        self._clock = clock

    def topic(self, leaf):
        return topics.open_topic(self._mote_id, leaf)

    def password(self, connection):
        """Return None, no password: the certificate is the mote's name."""

    def up(self, base_time, identity, readings):
        return record.pack_json(topics.base_name(self._mote_id), base_time, identity, readings)

    def answer(self, answer):
        return command.encode_answer_json(answer)

    def state(self, status):
        return json.dumps(status).encode()

    def will(self, connection, status):
        return self.state(status)

    def command(self, payload):
        """Return the Command in `payload`. Raises CommandError, or Expired after its deadline."""
        order = command.decode_command_json(payload)
        now = self._clock.now()
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
        self._epoch = epoch
        self._boot_counter = boot_counter
        self._static = static
        self._max_age_ms = max_age_ms
        self._connect_key = keys.subkey(root, fleet_id, keys.CONNECT)
        self._seal_key = keys.subkey(root, fleet_id, keys.SEAL)
        self._uplink = self._context(sealed.UPLINK)
        self._names = {leaf: topics.name(mote_id, leaf) for leaf in topics.LEAVES}
        self._sequence = 0
        # When each of the last uplinks was written: the place is its sequence modulo _ANCHORS.
        self._written = [None] * _ANCHORS
        self._downlink = None
        self._highest_down = -1

    def _context(self, kid):
        return sealed.Context(self._seal_key, self._fleet_id, kid, self._epoch)

    def topic(self, leaf):
        return topics.sealed_topic(self._mote_id, leaf)

    def password(self, connection):
        counter = 0 if self._static else keys.connect_counter(self._boot_counter, connection)
        return keys.connect_password(self._connect_key, self._mote_id, self._zone_id, counter)

    def _seal(self, leaf, plaintext):
        sequence = self._sequence
        message = self._uplink.seal(sequence, self._names[leaf], plaintext)
        self._sequence = sequence + 1
        self._written[sequence % _ANCHORS] = time.ticks_ms()
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
        envelope = sealed.parse(payload, sealed.MAX_DOWN)
        if envelope.kid[:1] != sealed.DOWNLINK or len(envelope.kid) != 7:
            raise sealed.Refused("not a downlink")
        if envelope.epoch != self._epoch:
            raise sealed.Refused("another epoch")
        if envelope.sequence <= self._highest_down:
            raise sealed.Replayed("downlink not newer than the last")
        context = self._downlink
        if context is None or context.kid != envelope.kid:
            context = self._context(envelope.kid)
        order = command.decode_command_cbor(context.open(envelope, self._names["down"]))
        self._downlink = context
        self._highest_down = envelope.sequence
        if not self._fresh(order.anchor):
            raise Expired(order)
        return order

    def _fresh(self, anchor):
        """True where `anchor` is one of the last uplinks and was written recently enough."""
        if anchor is None or not self._sequence - _ANCHORS <= anchor < self._sequence or anchor < 0:
            return False
        return time.ticks_diff(time.ticks_ms(), self._written[anchor % _ANCHORS]) <= self._max_age_ms


class SealedInTls(Sealed):
    """Sealed as ever, for a broker that knows the mote by its TLS: CONNECT carries no password."""

    def password(self, connection):
        """Return None, no password."""
