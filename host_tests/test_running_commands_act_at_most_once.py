"""Whoever withholds answers, or sleeps through commands: what a running mote switches, it switches once.

Two relays on one pin tell how often the first was switched: the second undoes what the first has done.
"""

import json
from pathlib import Path

import pytest
from channel_motes import ChannelMote, add
from ironmote.brokers import endpoint
from ironmote.brokers.nats import NatsBroker
from ironmote.certificates import Authority
from ironmote.demo.wire import Direction, Kind, Packet
from ironmote.fleet import Fleet
from ironmote.gateway import CommandEnded, Gateway
from ironmote.gateway.downlink import UNKNOWN
from ironmote.gateway.members import members_of
from running import WAIT_S, payload_of
from test_deep_sleep_never_repeats_a_nonce import asleep
from test_running_mote_is_attacked import Attack

pytestmark = pytest.mark.long

PIN = 12
RELAYS = [{"kind": "relay", "name": name, "pin": PIN, "safe": 0} for name in ("relay", "undo")]
PATIENT_MS = 30_000  # the mote waits so long for a PUBACK


def level(folder: Path) -> int:
    """What the board drives the pin to."""
    return json.loads((folder / "pins.json").read_text())[str(PIN)]


def withhold(attack: Attack) -> list[Packet]:
    """Let the next answer of the mote not pass, however often it comes; the packets that did not."""
    held: list[Packet] = []

    def judge(direction: Direction, packet: Packet) -> bool:
        if direction is Direction.UP and packet.kind is Kind.MQTT_PUBLISH and packet.topic.endswith("/ack"):
            if not held:
                held.append(packet)
            return payload_of(packet.data) != payload_of(held[0].data)
        return True

    attack.stage.links["cellar"].judge = judge
    return held


def others(attack: Attack, count: int) -> None:
    """Send `count` commands that undo the first, or are for nobody, and wait for their answers."""
    attack.stage.gateway.send("cellar", "undo", False)
    for number in range(count - 1):
        attack.stage.gateway.send("cellar", f"nobody{number}", 0)
    attack.stage.wait(lambda: len([each for each in attack.stage.of(CommandEnded) if each.name != "relay"]) == count)


@pytest.fixture
def attack(tmp_path: Path):
    attack = Attack(tmp_path, actuators=RELAYS, timeout_ms=PATIENT_MS)
    yield attack
    attack.close()


@pytest.mark.parametrize(("count", "result"), [(15, "done"), (16, UNKNOWN)])
def test_command_whose_answer_was_withheld_switches_once_however_many_follow(attack: Attack, count: int, result: str):
    withheld = withhold(attack)
    attack.command(True, within_s=8)
    attack.stage.wait(lambda: withheld)
    assert level(attack.mote.folder) == 1
    others(attack, count)
    assert level(attack.mote.folder) == 0
    ended = attack.stage.wait(lambda: [each for each in attack.stage.of(CommandEnded) if each.name == "relay"])
    assert level(attack.mote.folder) == 0, "switched twice"
    assert [each.result for each in ended] == [result]
    attack.is_obeyed_next(attack.heard("relay done"))


class Sleeper:
    """A mote inside TLS that sleeps deeply between its records, with its broker and gateway."""

    def __init__(self, folder: Path, **settings) -> None:
        fleet, authority = Fleet.create(), Authority.create()
        mote = add(fleet, "kitchen", "tls")
        mote.actuators = [{**each, "pin": PIN} for each in RELAYS]
        self.broker = NatsBroker(fleet, authority, folder / "broker")
        self.broker.start()
        self.events: list = []
        self.gateway = Gateway(
            fleet.id, members_of(fleet), self.broker.gateway, folder / "gateway.db", self.events.append
        )
        self.gateway.start()
        port = endpoint(self.broker, mote).port
        self.mote = ChannelMote(fleet, mote, authority, port, folder / "kitchen", **settings)
        self.mote.board.start()

    def close(self) -> None:
        self.mote.board.stop()
        self.gateway.stop()
        self.broker.stop()

    def ended(self) -> list[CommandEnded]:
        return [each for each in self.events if isinstance(each, CommandEnded)]


def test_command_for_a_sleeping_mote_inside_tls_waits_for_it_and_acts_once(tmp_path: Path):
    sleeper = Sleeper(tmp_path, sleep_ms=3000, listen_ms=1000)
    mote = sleeper.mote
    try:
        for number in (1, 2):
            assert mote.waits(lambda: asleep(mote.board), WAIT_S)
            sleeper.gateway.send("kitchen", "relay", 1, within_s=60)
            assert mote.waits(lambda wanted=number: len(sleeper.ended()) == wanted, WAIT_S)
            assert sleeper.ended()[-1].result == "done"
            assert mote.said("relay done") == number
        assert mote.board.restarts >= 2
    finally:
        sleeper.close()
