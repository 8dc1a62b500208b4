"""A COSE library that is not ours opens what a running mote seals, and the mote obeys what it sealed.

The gateway's part is played by pycose, cbor2 and cryptography alone (cose_peer); mote and broker are real.
"""

import secrets
import time

import cbor2
import clients
from cose_peer import Peer
from ironmote.demo.wire import Direction, Kind
from running import WAIT_S, Stage, payload_of, will_of

UPLINK, WILL = b"\x01", b"\x03"


class Heard:
    """What crossed a mote's link upwards, opened by the peer: (leaf, kid, sequence, content, epoch)."""

    def __init__(self, stage: Stage, peer: Peer) -> None:
        self._packets = stage.links["cellar"].packets
        self._peer = peer

    def all(self, leaf: str = "") -> list[tuple]:
        found = []
        for direction, packet in list(self._packets):
            if direction is Direction.UP and packet.kind is Kind.MQTT_PUBLISH:
                found.append(self._open(packet.topic.removeprefix("sealed/"), payload_of(packet.data)))
            elif packet.kind is Kind.MQTT_CONNECT:
                found.append(self._open("cellar/state", will_of(packet.data)))
        return [each for each in found if leaf in each[0]]

    def wait(self, leaf: str, count: int) -> list[tuple]:
        deadline = time.monotonic() + WAIT_S
        while len(found := self.all(leaf)) < count:
            assert time.monotonic() < deadline, f"{len(found)} of {count} on {leaf}"
            time.sleep(0.05)
        return found

    def _open(self, name: str, payload: bytes) -> tuple:
        epoch = cbor2.loads(payload).value[1][10]
        return (name, *self._peer.open(payload, name), epoch)


def test_pycose_opens_every_uplink_of_a_running_mote_and_the_mote_obeys_pycose(stage: Stage):
    peer = Peer(stage.fleet.id, stage.fleet.motes["cellar"].root)
    heard = Heard(stage, peer)
    stage.mote().start()
    records = heard.wait("cellar/up", 3)
    name, kid, _, (first, *_), epoch = records[-1]
    assert (name, kid) == ("cellar/up", UPLINK)
    assert (first[-2], first[0], first[1]) == ("cellar/", "light", "lx")  # SenML: bn, n, u
    assert epoch[:5] == b"\x01\0\0\0\x01"
    states = heard.all("cellar/state")
    assert states[0][1:4] == (WILL, 1, {"online": False, "boot": 1, "connection": 1})
    assert (states[1][1], states[1][3]["online"]) == (UPLINK, True)

    (access,) = [each for each in stage.broker.gateway if each.prefix == "sealed"]
    gateway = clients.gateway(access)
    assert gateway.connect(access.host, access.port)
    sender = b"\x02" + secrets.token_bytes(6)
    for number, value in ((0, 1), (300, 0)):
        anchor = heard.all("cellar/up")[-1][2]
        order = {1: secrets.token_bytes(8), 2: "relay", 3: value, 4: anchor}
        gateway.publish("sealed/cellar/down", peer.seal(sender, number, epoch, "cellar/down", order))
        answer = heard.wait("cellar/ack", 1 + (number > 0))[-1][3]
        assert answer == {1: order[1], 2: "relay", 3: value, 6: 0}, "done"
    gateway.disconnect()
    sequences = [each[2] for each in heard.all() if each[1] == UPLINK]
    assert sequences == list(range(len(sequences)))
