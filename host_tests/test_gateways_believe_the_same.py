"""Two gateways with one PostgreSQL: what one verified, revoked or was answered, the other knows at its next message.

Their workers are called in the order that a test wants; test_two_gateways_share_a_postgres.py has them at a broker.
"""

import itertools

import pytest
from gateway_motes import SealingMote, a_fleet
from ironmote import rotation
from ironmote.gateway import Gateway, MessageRefused, MoteConfirmed, MoteRevoked, RecordSeen, RootRotated
from ironmote.gateway.intake import Delivery
from ironmote.gateway.members import members_of, successor_of
from ironmote.gateway.uplink import Message
from mote import command
from mote.command import CHALLENGE
from postgres_server import PostgresServer

_count = itertools.count()


class Pair:
    """Two gateways of a fleet, and its mote cellar."""

    def __init__(self, url: str) -> None:
        self.fleet = a_fleet()
        self.mote = SealingMote(self.fleet, "cellar")
        self.told: tuple[list, list] = ([], [])
        self.sent: list[bytes] = []
        self.gateways = [
            Gateway(self.fleet.id, members_of(self.fleet), [], url, self.told[index].append) for index in (0, 1)
        ]
        for gateway in self.gateways:
            gateway._downlink._publish = lambda prefix, topic, payload: self.sent.append(payload)

    def give(self, index: int, payload: bytes, leaf: str = "up", **fields) -> list:
        """Have a gateway take a message; gives what it then told."""
        gateway = self.gateways[index]
        taken = gateway._intake.take(
            [Delivery(Message("clear", "sealed", f"sealed/cellar/{leaf}", payload, **fields), 1.0)]
        )
        gateway._tell_untold()
        gateway._speak(taken.heard)
        events = [*taken.events, *self.told[index]]
        self.told[index].clear()
        return events

    def confirm(self, index: int) -> None:
        """Have the mote answer the challenge of a gateway, to that gateway."""
        self.give(index, self.mote.up())
        order = next(each for each in map(self.order, reversed(self.sent)) if each.name == CHALLENGE)
        events = self.give(index, self.mote.answer(order, command.DONE, order.value), "ack")
        assert events == [MoteConfirmed("cellar", 1)]

    def order(self, payload: bytes):
        return self.mote.open_command(payload)[0]

    def close(self) -> None:
        for gateway in self.gateways:
            gateway.stop()


@pytest.fixture
def pair(postgres: PostgresServer):
    pair = Pair(postgres.new_store(f"pair{next(_count)}"))
    yield pair
    pair.close()


def kinds(events: list) -> list[type]:
    return [type(each) for each in events]


def test_message_is_taken_by_the_first_and_is_a_copy_to_the_second(pair: Pair):
    messages = [pair.mote.up() for _ in range(4)]
    assert kinds(pair.give(0, messages[0])) == [RecordSeen]
    assert pair.give(1, messages[0]) == []
    assert kinds(pair.give(1, messages[3])) == [RecordSeen]
    assert kinds(pair.give(0, messages[1])) == [RecordSeen]
    for message in (messages[1], messages[2]):
        pair.give(1, message)
    assert [pair.give(0, each) for each in messages[2:]] == [[], []]
    assert pair.gateways[0]._store.records.highest("cellar", 1, 1) == 4


def test_second_copy_at_one_gateway_is_a_replay(pair: Pair):
    message = pair.mote.up()
    pair.give(0, message)
    pair.give(1, message)
    for index in (0, 1):
        (refused,) = pair.give(index, message)
        assert isinstance(refused, MessageRefused)
        assert refused.kind == "replay"
    assert pair.give(0, message, redelivered=True) == []


def test_what_a_queue_group_gave_to_the_other_is_a_replay_here(pair: Pair):
    message = pair.mote.up()
    assert kinds(pair.give(0, message, exclusive=True)) == [RecordSeen]
    assert kinds(pair.give(1, message, exclusive=True)) == [MessageRefused]


def test_forgery_is_no_copy(pair: Pair):
    message = pair.mote.up()
    pair.give(0, message)
    forged = message[:-1] + bytes([message[-1] ^ 1])
    assert kinds(pair.give(1, forged)) == [MessageRefused]
    assert pair.give(1, message) == []


def test_mote_that_is_revoked_at_one_is_refused_at_both(pair: Pair):
    pair.give(0, pair.mote.up())
    pair.give(1, pair.mote.up())
    pair.gateways[0]._served.revoke("cellar")
    pair.gateways[0]._tell_untold()
    pair.told[0].clear()
    assert kinds(pair.give(0, pair.mote.up())) == [MessageRefused]
    events = pair.give(1, pair.mote.up())
    assert set(kinds(events)) == {MessageRefused, MoteRevoked}


def test_mote_that_answered_one_is_confirmed_at_both(pair: Pair):
    (before,) = pair.give(1, pair.mote.up())
    assert not before.confirmed
    pair.confirm(0)
    (after,) = pair.give(1, pair.mote.up())
    assert after.confirmed


def test_answer_that_came_to_the_other_is_fetched(pair: Pair):
    pair.give(0, pair.mote.up())
    pair.give(1, pair.mote.up())
    order = next(each for each in map(pair.order, pair.sent) if each.name == CHALLENGE)  # of the first
    pair.give(1, pair.mote.answer(order, command.DONE, order.value), "ack")
    pair.gateways[0]._catch_up()
    assert pair.told[0] == [MoteConfirmed("cellar", 1)]
    assert pair.gateways[0]._store.answers.all() == []


def test_root_key_that_one_heard_is_the_other_ones_too(pair: Pair):
    pair.give(0, pair.mote.up())
    pair.give(1, old := pair.mote.up())
    mote = pair.fleet.motes["cellar"]
    rotation.begin(mote)
    successor = successor_of(mote, pair.fleet.id)
    for gateway in pair.gateways:
        gateway._served.rotate("cellar", successor)
    rotated = SealingMote(pair.fleet, "cellar", boot=2, generation=2)
    rotated.key = successor.seal_key
    assert set(kinds(pair.give(0, rotated.up()))) == {RecordSeen, RootRotated}
    assert kinds(pair.give(1, rotated.up())) == [RecordSeen]
    (refused,) = pair.give(1, old)
    assert "generation 1" in refused.why


def test_numbers_of_commands_never_repeat(pair: Pair):
    numbers = [pair.gateways[turn % 2]._store.next_downlink("cellar") for turn in range(6)]
    assert numbers == list(range(6))


def test_later_command_of_the_other_overtakes(pair: Pair):
    pair.confirm(0)
    pair.give(1, pair.mote.up())
    pair.gateways[0].send("cellar", "relay", "on")
    pair.gateways[1].send("cellar", "relay", "off")
    for gateway in pair.gateways:
        gateway._tell(gateway._send(gateway._inbox.take()[0]))
    pair.gateways[0]._catch_up()
    (ended,) = pair.gateways[0]._downlink.overdue()
    assert (ended.result, ended.why) == ("unknown", "overtaken by a later command")
    assert pair.gateways[1]._downlink.overdue() == []
