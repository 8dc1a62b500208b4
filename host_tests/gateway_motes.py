"""Motes for the gateway's tests: they seal with the device's own code, CPython's AES in place of the board's."""

import os
import socket
import threading
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from ironmote.fleet import CLEAR, Fleet
from ironmote.gateway.members import Member, members_of
from ironmote.gateway.trust import MoteTrust
from ironmote.gateway.uplink import Message
from mote import cbor, command, record, sealed, topics
from mote.record import Reading

READINGS = (Reading("temperature", "Cel", 23.7, None), Reading("light", "lx", 585, None))


class SealingMote:
    """A sealed mote in one boot. `up` and the others give the payload of the next message."""

    def __init__(self, fleet: Fleet, mote_id: str, boot: int = 1, generation: int = 1, random8: bytes = b""):
        self.id = mote_id
        self.boot = boot
        self.generation = generation
        self.fleet_id = fleet.id
        self.key = fleet.motes[mote_id].seal_key(fleet.id)
        self.epoch = sealed.make_epoch(generation, boot, random8 or os.urandom(8))
        self.sequence = 0
        self.number = 0
        self.connection = 1
        self._lock = threading.Lock()  # a test's own thread seals, and that of its MQTT client

    def context(self, kid: bytes):
        return sealed.Context(self.key, self.fleet_id, kid, self.epoch, AESCCM)

    def seal(self, leaf: str, plaintext: bytes, kid: bytes = sealed.UPLINK) -> bytes:
        with self._lock:
            message = self.context(kid).seal(self.sequence, topics.name(self.id, leaf), plaintext)
            self.sequence += 1
        return message

    def up(self, readings=READINGS, taken=None, base_name: str = "") -> bytes:
        self.number += 1
        identity = record.identity(self.generation, self.boot, self.number)
        return self.seal("up", record.pack_cbor(base_name or f"{self.id}/", taken, identity, readings))

    def state(self, **fields) -> bytes:
        return self.seal(
            "state", cbor.encode({"online": True, "boot": self.boot, "connection": self.connection, **fields})
        )

    def will(self) -> bytes:
        gone = {"online": False, "boot": self.boot, "connection": self.connection}
        return self.context(sealed.WILL).seal(self.connection, topics.name(self.id, "state"), cbor.encode(gone))

    def answer(self, order, result: str, value=None) -> bytes:
        return self.seal("ack", command.encode_answer_cbor(command.Answer(order.id, result, order.name, value, None)))

    def open_command(self, payload: bytes):
        """The command in a downlink and its sequence number, opened as a mote does."""
        envelope = sealed.parse(payload, sealed.MAX_DOWN)
        assert envelope.kid[:1] == sealed.DOWNLINK
        assert envelope.epoch == self.epoch
        plaintext = self.context(envelope.kid).open(envelope, topics.name(self.id, "down"))
        return command.decode_command_cbor(plaintext), envelope.sequence


def a_fleet() -> Fleet:
    """cellar and attic are sealed and show the static password, which every broker takes; kitchen speaks TLS."""
    fleet = Fleet.create()
    for name in ("cellar", "attic"):
        mote = fleet.add(name, "esp8266")
        mote.channel, mote.zone, mote.connect = "sealed", CLEAR, "static"
    fleet.add("kitchen", "esp32").channel = "tls"
    return fleet


def trust_of(fleet: Fleet, member: Member) -> MoteTrust:
    """What a gateway believes of a mote that has answered its challenge."""
    assert member.seal_key is not None
    trust = MoteTrust(member.id, member.generation, member.seal_key, fleet.id)
    trust.confirmed = True
    return trust


def trusts_of(fleet: Fleet) -> dict[str, MoteTrust]:
    return {each.id: trust_of(fleet, each) for each in members_of(fleet) if each.seal_key is not None}


def on_clear(topic: str, payload: bytes, **flags: bool) -> Message:
    return Message("clear", "sealed", topic, payload, **flags)


def on_home(topic: str, payload: bytes, **flags: bool) -> Message:
    return Message("home", "mote", topic, payload, **flags)


def taken_port() -> socket.socket:
    """A listening socket on the loopback; its port is in use until it is closed."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    return listener


def processes_naming(text: str) -> list[str]:
    """Command lines of running processes that contain `text`. Linux only; empty elsewhere."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in line:
            found.append(line)
    return found
