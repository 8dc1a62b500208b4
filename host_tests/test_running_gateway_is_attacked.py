"""Uplinks to a running gateway, meddled with: nothing of its state moves, and the next true message is taken.

Gateway, broker and mote are real. While the mote is off, the attacker has its session (a broker can give it to whom it
likes) and everything that ever crossed its link.
"""

import sqlite3
from pathlib import Path

import clients
import pytest
from ironmote.demo.wire import Direction, Kind, Packet
from ironmote.gateway import MessageRefused, RecordSeen, StateSeen
from mote import sealed
from mutations import composed
from running import Stage, payload_of, will_of
from seeded import Source


class Attack:
    """A mote that ran for a while and was switched off, and what was recorded of it.

    `ups` and `will` were delivered; `held`, records, and `late_will`, that of a later connection, are as true and were
    not: whatever is made of these is refused for what it is, and not since it was taken before.
    """

    def __init__(self, folder: Path) -> None:
        self.stage = Stage(folder, ("cellar", "attic"))
        self.stage.start_gateway()
        self.mote = self.stage.mote()
        self.mote.start()
        self.stage.wait(lambda: any(each.confirmed for each in self.stage.of(RecordSeen)))
        self.stage.wait(lambda: len(self.stage.of(RecordSeen)) > 3)
        link = self.stage.links["cellar"]
        held: dict[bytes, None] = {}
        late: list[bytes] = []

        def judge(direction: Direction, packet: Packet) -> bool:
            if direction is Direction.UP and packet.topic == "sealed/cellar/up":
                held[payload_of(packet.data)] = None
                return False
            if packet.kind is Kind.MQTT_CONNECT:
                late.append(will_of(packet.data))
                return False
            return True

        link.judge = judge
        self.stage.wait(lambda: len(held) > 1)
        link.cut()
        self.stage.wait(lambda: late)
        self.mote.stop()
        link.judge = lambda direction, packet: True
        self.stage.wait(lambda: not self.stage.of(StateSeen)[-1].state.online)
        self.held, self.late_will = [*held], late[0]
        packets = [packet for direction, packet in link.packets if direction is Direction.UP]
        ups = [payload_of(each.data) for each in packets if each.topic == "sealed/cellar/up"]
        self.ups = [each for each in ups if each not in held]
        self.states = [payload_of(each.data) for each in packets if each.topic == "sealed/cellar/state"]
        self.will = next(will_of(each.data) for each in packets if each.kind is Kind.MQTT_CONNECT)
        self.log_in()
        self.before = self.kept()
        self.sent = 0

    def log_in(self, name: str = "cellar") -> None:
        """Take the mote's session, which is not there."""
        password = self.stage.fleet.motes[name].static_password(self.stage.fleet.id)
        self.client = clients.Client(name, username=name, password=password)
        assert self.client.connect(self.stage.broker.clear.host, self.stage.broker.clear.port)

    def close(self) -> None:
        self.client.disconnect()
        self.stage.close()

    def kept(self) -> list:
        """What the gateway has stored and believes of its motes: all but refusals and counts of failures."""
        with sqlite3.connect(self.stage.folder / "g.db") as db:
            found = [db.execute("SELECT COUNT(*) FROM records").fetchall()]
            trust = self.stage.gateway._trusts["cellar"]
            found.append([(each.epoch, each.window.highest, each.window.bits, each.will) for each in trust.epochs])
            found.append((trust.generation, trust.confirmed, len(trust._contexts)))
            return found

    def say(self, payload: bytes, leaf: str = "up", retain: bool = False) -> None:
        self.client.publish(f"sealed/cellar/{leaf}", payload, retain=retain)
        self.sent += 1

    def refused(self) -> int:
        """How many messages were refused; in a flood one event stands for many."""
        refusals = [*self.stage.of(MessageRefused), *self.stage.of(MessageRefused, "attic")]
        return sum(each.times for each in refusals)

    def is_refused(self) -> list[str]:
        """All that was sent has been refused, nothing has changed, and what is true is taken: held back, and new."""
        self.stage.wait(lambda: self.refused() >= self.sent, within_s=180)
        assert self.kept() == self.before
        self.client.disconnect()
        self.log_in()
        seen = len(self.stage.of(RecordSeen))
        self.client.publish("sealed/cellar/up", self.held[0])
        self.stage.wait(lambda: len(self.stage.of(RecordSeen)) > seen)
        seen = len(self.stage.of(RecordSeen))
        self.client.disconnect()
        self.mote.start()
        self.stage.wait(lambda: len(self.stage.of(RecordSeen)) > seen)
        assert self.stage.of(RecordSeen)[-1].boot == 2
        return [each.why for each in self.stage.of(MessageRefused)]


@pytest.fixture
def attack(tmp_path: Path):
    attack = Attack(tmp_path)
    yield attack
    attack.close()


def test_epochs_invented_by_the_thousand_move_nothing(attack: Attack):
    source = Source(3)
    true = sealed.parse(attack.ups[-1], sealed.MAX_UP)
    at = attack.ups[-1].index(true.epoch)
    for i in range(3000):
        if i % 3 == 0:
            attack.say(composed(source, [true.epoch]), source.pick(("up", "ack", "state")))
            continue
        epoch = sealed.make_epoch(1, 2 + source.below(2**31), source.bytes(8))
        attack.say(attack.ups[-1][:at] + epoch + attack.ups[-1][at + len(epoch) :])
    attack.is_refused()


def test_bit_flipped_in_every_byte_and_every_truncation_are_refused(attack: Attack):
    for payload, leaf in ((attack.held[0], "up"), (attack.late_will, "state")):
        for i in range(len(payload)):
            changed = bytearray(payload)
            changed[i] ^= 1 << i % 8
            attack.say(bytes(changed), leaf)
            if i:
                attack.say(payload[:i], leaf)
    attack.is_refused()


def test_records_replayed_in_any_order_under_any_leaf_or_mote_are_refused(attack: Attack):
    attack.say(attack.held[0], "state")
    attack.say(attack.held[0], "ack")
    attack.say(attack.late_will, "up")
    for payload in attack.ups[::-1]:
        attack.say(payload)
        attack.say(payload, "state")
        attack.say(payload, "ack")
    why = attack.is_refused()
    assert any("already taken" in each for each in why)


def test_records_of_one_mote_on_the_topics_of_another_are_refused(attack: Attack):
    """By whoever may publish there: a broker gone bad, or the other mote itself."""
    attack.client.disconnect()
    attack.log_in("attic")
    for payload, leaf in ((attack.held[0], "up"), (attack.states[0], "state"), (attack.late_will, "state")):
        attack.client.publish(f"sealed/attic/{leaf}", payload)
        attack.sent += 1
    assert attack.is_refused() == []
    assert [each.why for each in attack.stage.of(MessageRefused, "attic")] == ["does not verify"] * 3


def comes_later_and_refuses_what_was_retained(stage: Stage) -> None:
    """A gateway without any state begins: it cannot know what is old, and its broker has a state of the mote for it."""
    stage.stop_gateway()
    stage.events.clear()
    stage.start_gateway("new.db")
    refused = stage.wait(lambda: stage.of(MessageRefused))
    assert "was retained" in refused[0].why
    assert not stage.of(StateSeen)


def test_forged_state_that_the_broker_retained_is_refused(attack: Attack):
    epoch = sealed.parse(attack.states[0], sealed.MAX_UP).epoch
    forged = sealed.Context(bytes(32), attack.stage.fleet.id, sealed.UPLINK, epoch)
    attack.say(forged.seal(1000, b"cellar/state", b"\xa0"), "state", retain=True)
    attack.is_refused()
    told = len(attack.stage.of(StateSeen))
    attack.mote.stop()
    attack.stage.wait(lambda: not attack.stage.of(StateSeen)[-1].state.online)  # its will comes now, and not later
    assert len(attack.stage.of(StateSeen)) > told
    comes_later_and_refuses_what_was_retained(attack.stage)


def test_will_forged_or_replayed_does_not_say_that_a_mote_is_gone(attack: Attack):
    states = len(attack.stage.of(StateSeen))
    forged = sealed.Context(bytes(32), attack.stage.fleet.id, sealed.WILL, sealed.parse(attack.will, 4096).epoch)
    for payload in (attack.will, forged.seal(2, b"cellar/state", b"\xa0"), attack.will):
        attack.say(payload, "state")
    attack.stage.wait(lambda: attack.refused() >= attack.sent)
    assert len(attack.stage.of(StateSeen)) == states
    attack.is_refused()


def test_state_that_the_broker_retained_is_refused_by_a_gateway_that_comes_later(attack: Attack):
    attack.say(attack.states[0], "state", retain=True)
    attack.stage.wait(lambda: attack.refused() >= attack.sent)
    assert attack.kept() == attack.before
    comes_later_and_refuses_what_was_retained(attack.stage)
    attack.client.disconnect()
    attack.mote.start()
    attack.stage.wait(lambda: attack.stage.of(StateSeen))
    assert attack.stage.of(StateSeen)[0].state.boot == 2


def test_records_replayed_to_a_gateway_that_was_started_again_are_refused(attack: Attack):
    """And again after the mote's next boot: what was said in the one before counts no more than it did."""
    attack.stage.stop_gateway()
    attack.stage.start_gateway()
    attack.before = attack.kept()
    for payload in attack.ups[::-1]:
        attack.say(payload)
    attack.say(attack.states[0], "state")
    why = attack.is_refused()
    assert all("already taken" in each for each in why)
    attack.mote.stop()
    attack.stage.wait(lambda: not attack.stage.of(StateSeen)[-1].state.online)
    attack.log_in()
    attack.before = attack.kept()
    for payload in attack.ups:
        attack.say(payload)
    attack.stage.wait(lambda: attack.refused() >= attack.sent)
    assert attack.kept() == attack.before


def test_records_held_back_and_delivered_backwards_and_twice_are_stored_once_each(attack: Attack):
    attack.client.disconnect()
    held: dict[bytes, None] = {}

    def judge(direction: Direction, packet) -> bool:
        if direction is Direction.UP and packet.topic == "sealed/cellar/up":
            held[payload_of(packet.data)] = None
            return False
        return True

    attack.stage.links["cellar"].judge = judge
    attack.mote.start()
    attack.stage.wait(lambda: len(held) > 3)
    attack.mote.stop()
    seen = len(attack.stage.of(RecordSeen))
    attack.log_in()
    attack.before = attack.kept()
    for payload in [*held][::-1]:
        attack.say(payload)
        attack.say(payload)
    attack.stage.wait(lambda: attack.refused() >= len(held))
    attack.stage.wait(lambda: len(attack.stage.of(RecordSeen)) >= seen + len(held))
    numbers = [each.number for each in attack.stage.of(RecordSeen)[seen:]]
    assert numbers == sorted(numbers, reverse=True)
    assert len(set(numbers)) == len(held)
    assert attack.kept()[0] == [(attack.before[0][0][0] + len(held),)]
