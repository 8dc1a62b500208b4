"""Sealed motes of one boot each: they seal with the device's own code, and answer the gateway's challenge."""

from collections.abc import Iterator
from itertools import cycle, islice

from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from ironmote.fleet import CLEAR, Fleet
from mote import command, record, sealed, topics
from mote.record import Reading

# Packed with an id of eleven letters: 64 bytes.
_READINGS = (Reading("air", "Cel", 23.7, None), Reading("light", "lx", 585, None))
_TAKEN = 1_795_218_308  # seconds since 1970
_RANDOM8 = bytes(8)


def fleet_of(count: int) -> Fleet:
    """A fleet of `count` sealed motes in the clear zone."""
    fleet = Fleet.create()
    for index in range(count):
        mote = fleet.add(f"mote-{index:06}", "esp8266")
        mote.channel, mote.zone, mote.connect = "sealed", CLEAR, "static"
    return fleet


class LoadMote:
    """One mote; its context is derived once and kept, as on a board."""

    def __init__(self, fleet: Fleet, mote_id: str, boot: int = 1) -> None:
        self.id = mote_id
        self._boot = boot
        self._key, self._fleet_id = fleet.motes[mote_id].seal_key(fleet.id), fleet.id
        self._epoch = sealed.make_epoch(1, boot, _RANDOM8)
        self._context = sealed.Context(self._key, fleet.id, sealed.UPLINK, self._epoch, AESCCM)
        self._up, self._ack = topics.name(mote_id, "up"), topics.name(mote_id, "ack")
        self._sequence = 0
        self.number = 0  # of the last record

    def plain(self) -> bytes:
        """The next record as CBOR."""
        self.number += 1
        identity = record.identity(1, self._boot, self.number)
        return record.pack_cbor(f"{self.id}/", _TAKEN, identity, _READINGS)

    def json(self) -> bytes:
        """The next record as JSON, as it is inside TLS."""
        self.number += 1
        identity = record.identity(1, self._boot, self.number)
        return record.pack_json(f"{self.id}/", _TAKEN, identity, _READINGS)

    def up(self) -> bytes:
        """The next record, sealed."""
        return self._seal(self._up, self.plain())

    def answer(self, payload: bytes) -> bytes | None:
        """The answer to a challenge in a downlink; None where it is for another boot."""
        envelope = sealed.parse(payload, sealed.MAX_DOWN)
        if envelope.epoch != self._epoch:
            return None
        context = sealed.Context(self._key, self._fleet_id, envelope.kid, self._epoch, AESCCM)
        order = command.decode_command_cbor(context.open(envelope, topics.name(self.id, "down")))
        done = command.Answer(order.id, command.DONE, order.name, order.value, None)
        return self._seal(self._ack, command.encode_answer_cbor(done))

    def _seal(self, name: bytes, plaintext: bytes) -> bytes:
        message: bytes = self._context.seal(self._sequence, name, plaintext)
        self._sequence += 1
        return message


def each_in_turn(motes: list[LoadMote], count: int) -> Iterator[LoadMote]:
    """`count` motes, one after the other, from the first again after the last."""
    return islice(cycle(motes), count)
