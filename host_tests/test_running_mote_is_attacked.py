"""Commands to a running mote, meddled with on their way: each acts at most once, and the outcome is told truly.

The gateway is ours, broker and mote are real, and the attacker is the broker itself: it has every message, holds back
what it likes and publishes what it likes to the mote, with the gateway's rights.
"""

from pathlib import Path

import clients
import pytest
from ironmote.demo.wire import Direction, Kind, Packet
from ironmote.gateway import CommandEnded, RecordSeen
from ironmote.gateway.downlink import UNKNOWN
from mote import sealed
from running import Stage, payload_of

DOWN = "sealed/cellar/down"
DONE = "relay done"
REFUSED = "refused:"


class Attack:
    """A stage with a mote that runs, and the means of its broker."""

    def __init__(self, folder: Path, **settings) -> None:
        self.stage = Stage(folder, ("cellar", "attic"))
        self.stage.start_gateway()
        self.mote = self.stage.mote(**{"sample_ms": 150, **settings})
        self.mote.start()
        self.stage.wait(lambda: any(each.confirmed for each in self.stage.of(RecordSeen)))
        (access,) = [each for each in self.stage.broker.gateway if each.prefix == "sealed"]
        # A second session of the gateway's rights; its client id only has to be another one.
        self.broker = clients.Client("", username=access.username, password=access.password, transport=access.transport)
        self.broker.tls(access.ca_file, access.cert_file, access.key_file)
        assert self.broker.connect(access.host, access.port)
        self.said: set[bytes] = set()

    def close(self) -> None:
        self.broker.disconnect()
        self.stage.close()

    def hold(self, name: str = "cellar") -> list[bytes]:
        """Keep the gateway's commands back from here on, as often as it sends them anew; what was kept back."""
        held: list[bytes] = []

        def judge(direction: Direction, packet: Packet) -> bool:
            if direction is Direction.DOWN and packet.kind is Kind.MQTT_PUBLISH:
                payload = payload_of(packet.data)
                if payload not in self.said:
                    held.append(payload)
                    return False
            return True

        self.stage.links[name].judge = judge
        return held

    def let_pass(self) -> None:
        self.stage.links["cellar"].judge = lambda direction, packet: True

    def say(self, payload: bytes) -> None:
        """Publish to the mote, and let it pass."""
        self.said.add(payload)
        self.broker.publish(DOWN, payload)

    def written(self) -> int:
        """The number of the last uplink that the mote has written."""
        ups = [message for direction, message in self.stage.links["cellar"].sealed() if direction is Direction.UP]
        envelopes = [sealed.parse(each, sealed.MAX_UP) for each in ups]
        return max(each.sequence for each in envelopes if each.kid == sealed.UPLINK)

    def heard(self, words: str) -> int:
        return sum(words in line for line in list(self.mote.console))

    def command(self, value: bool, within_s: float = 20) -> None:
        self.stage.gateway.send("cellar", "relay", value, within_s)

    def ended(self, count: int) -> list[str]:
        self.stage.wait(lambda: len(self.stage.of(CommandEnded)) >= count)
        return [each.result for each in self.stage.of(CommandEnded)]

    def crossed(self) -> bytes:
        """The last command that went down to the mote."""
        packets = list(self.stage.links["cellar"].packets)
        return [payload_of(p.data) for d, p in packets if d is Direction.DOWN and p.kind is Kind.MQTT_PUBLISH][-1]

    def is_obeyed_next(self, done: int) -> None:
        """The mote still obeys its gateway; until now it has acted `done` times."""
        assert self.heard(DONE) == done
        before = len(self.stage.of(CommandEnded))
        self.command(False)
        assert self.ended(before + 1)[before:] == ["done"]
        assert self.heard(DONE) == done + 1


@pytest.fixture
def attack(tmp_path: Path):
    attack = Attack(tmp_path)
    yield attack
    attack.close()


@pytest.fixture
def slow(tmp_path: Path):
    """An attack on a mote that says so little that a command is not too old when it has been held back for a while."""
    attack = Attack(tmp_path, sample_ms=2000)
    yield attack
    attack.close()


def test_command_delivered_again_at_once_and_later_acts_once(attack: Attack):
    attack.command(True)
    assert attack.ended(1) == ["done"]
    recorded = attack.crossed()
    for _ in range(20):
        attack.say(recorded)
    attack.is_obeyed_next(1)
    for _ in range(20):
        attack.say(recorded)
    attack.is_obeyed_next(2)


def test_command_held_back_until_it_is_stale_never_acts_and_its_outcome_was_unknown(attack: Attack):
    held = attack.hold()
    attack.command(True, 1.0)
    assert attack.ended(1) == [UNKNOWN]
    seen = len(attack.stage.of(RecordSeen))
    attack.stage.wait(lambda: len(attack.stage.of(RecordSeen)) > seen + 17)
    attack.let_pass()
    (late,) = set(held)  # the broker, whose PUBACK does not come either, delivers it again and again
    attack.say(late)
    attack.stage.wait(lambda: attack.heard("relay expired"))
    attack.is_obeyed_next(0)


def test_command_held_back_for_longer_than_the_mote_allows_never_acts_though_it_knows_the_anchor(tmp_path: Path):
    """It takes a record every two seconds, and one of these is as old as its commands may be."""
    attack = Attack(tmp_path, sample_ms=2000, command_age_s=1)
    try:
        held = attack.hold()
        attack.command(True, 1.0)
        assert attack.ended(1) == [UNKNOWN]
        anchor = attack.written()
        seen = len(attack.stage.of(RecordSeen))
        attack.stage.wait(lambda: len(attack.stage.of(RecordSeen)) > seen + 1)
        attack.say(held[0])
        attack.stage.wait(lambda: attack.heard("relay expired"))
        assert attack.written() - anchor < 10, "so the anchor was one of the last sixteen"
        attack.let_pass()
        attack.is_obeyed_next(0)
    finally:
        attack.close()


def test_recorded_command_does_not_act_after_a_reboot(attack: Attack):
    attack.command(True)
    assert attack.ended(1) == ["done"]
    recorded = attack.crossed()
    attack.mote.stop()
    attack.mote.start()
    attack.stage.wait(lambda: attack.stage.of(RecordSeen)[-1].boot == 2)
    for _ in range(5):
        attack.say(recorded)
    attack.stage.wait(lambda: attack.heard("another epoch"))
    attack.is_obeyed_next(1)


def test_command_with_any_bit_flipped_or_cut_anywhere_is_refused_and_the_true_one_is_obeyed(slow: Attack):
    """The true one itself, not one that the gateway seals anew: nothing that was false has moved the mote's count."""
    held = slow.hold()
    slow.command(True, 40)
    true = slow.stage.wait(lambda: held)[0]
    for i in range(len(true)):
        changed = bytearray(true)
        changed[i] ^= 1 << i % 8
        slow.say(bytes(changed))
        slow.say(true[:i])
    slow.say(true + b"\0")
    slow.stage.wait(lambda: slow.heard(REFUSED))
    slow.say(true)
    assert slow.ended(1) == ["done"]
    slow.let_pass()
    slow.is_obeyed_next(1)


def test_own_uplinks_and_another_motes_commands_are_refused(slow: Attack):
    other = slow.stage.mote("attic", sample_ms=150)
    other.start()
    slow.stage.wait(lambda: any(each.confirmed for each in slow.stage.of(RecordSeen, "attic")))
    anothers = slow.hold("attic")
    slow.stage.gateway.send("attic", "relay", True, 1.0)
    slow.stage.wait(lambda: slow.stage.of(CommandEnded, "attic"))
    held = slow.hold()
    slow.command(True, 40)
    true = slow.stage.wait(lambda: held)[0]
    slow.say(anothers[0])
    for direction, message in slow.stage.links["cellar"].sealed():
        if direction is Direction.UP:
            sealed.parse(message, sealed.MAX_UP)
            slow.say(message)
    slow.stage.wait(lambda: slow.heard(REFUSED))
    slow.say(true)
    assert slow.ended(1) == ["done"]
    slow.let_pass()
    slow.is_obeyed_next(1)
