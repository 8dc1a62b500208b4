"""A gateway without its state, with yesterday's, or beside another: it believes no recording and repeats no nonce.

Against running motes over a real broker.
"""

import itertools
import shutil
import sqlite3

import pytest
from ironmote.brokers import GatewayAccess
from ironmote.demo.wire import Direction
from ironmote.gateway import CommandEnded, Gateway, MessageRefused, MoteConfirmed, RecordSeen
from ironmote.gateway.members import members_of
from ironmote.gateway.uplink import Message
from ironmote.gateway.zone import Receipt
from mote import sealed
from running import Stage, check_never_repeated, payload_of

pytestmark = pytest.mark.long


def replay(stage: Stage, payload: bytes) -> None:
    """Hand a recording to the gateway as the broker would."""
    gateway = stage.gateway
    zone = next(zone for zone in gateway._zones if zone.access.prefix == "sealed")
    gateway._inbox.arrived(zone, Message("clear", "sealed", "sealed/cellar/up", payload), Receipt(0, 1, -1))


def ups(stage: Stage) -> list[bytes]:
    """The records that crossed the link, oldest first."""
    packets = list(stage.links["cellar"].packets)
    return [payload_of(packet.data) for _, packet in packets if packet.topic == "sealed/cellar/up"]


def command_is_done(stage: Stage, value: bool) -> None:
    before = len(stage.of(CommandEnded))
    stage.gateway.send("cellar", "relay", value)
    ended = stage.wait(lambda: stage.of(CommandEnded)[before:])
    assert [(each.result, each.value) for each in ended] == [("done", value)]


def numbers_are_used(stage: Stage, times: int = 20) -> None:
    """Commands for no actuator, so many that whoever begins below them does not get above by trying again."""
    before = len(stage.of(CommandEnded))
    for number in range(times):
        stage.gateway.send("cellar", f"nobody{number}", 0)
        stage.wait(lambda wanted=before + number + 1: len(stage.of(CommandEnded)) == wanted)


def leaps(stage: Stage) -> list[int]:
    """By how much the numbers of each gateway's commands rose at once, at most, in the order in which they came."""
    found: dict[bytes, list[int]] = {}
    for direction, payload in stage.links["cellar"].sealed():
        if direction is Direction.DOWN:
            envelope = sealed.parse(payload, sealed.MAX_DOWN)
            found.setdefault(envelope.kid, []).append(envelope.sequence)
    return [max((b - a for a, b in itertools.pairwise(each)), default=0) for each in found.values()]


def test_mote_is_unconfirmed_until_it_answers_a_challenge_at_every_start(stage: Stage):
    stage.start_gateway()
    stage.mote().start()
    for _ in range(2):
        confirmed = stage.wait(lambda: stage.of(MoteConfirmed))
        assert confirmed == [MoteConfirmed("cellar", 1)]
        stage.wait(lambda: stage.of(RecordSeen)[-1].confirmed)
        seen = stage.of(RecordSeen)
        assert not seen[0].confirmed
        assert [each.confirmed for each in seen] == sorted(each.confirmed for each in seen)
        stage.stop_gateway()
        with sqlite3.connect(stage.folder / "g.db") as db:
            assert db.execute("SELECT MIN(confirmed), MAX(confirmed) FROM records").fetchone() == (0, 1)
            assert db.execute("SELECT confirmed FROM motes").fetchone() == (1,)
        stage.events.clear()
        stage.start_gateway()


def test_gateway_without_state_flags_recordings_and_refuses_them_after_the_answer(stage: Stage):
    stage.start_gateway("first.db")
    mote = stage.mote()
    mote.start()
    stage.wait(lambda: len(stage.of(RecordSeen)) > 2)
    mote.stop()
    old = ups(stage)
    stage.stop_gateway()
    stage.events.clear()

    stage.start_gateway("second.db")
    for payload in old[:2]:
        replay(stage, payload)
    stage.wait(lambda: stage.of(RecordSeen))
    assert not any(each.confirmed for each in stage.of(RecordSeen))
    mote.start()  # its second boot
    assert stage.wait(lambda: stage.of(MoteConfirmed)) == [MoteConfirmed("cellar", 2)]
    stage.wait(lambda: stage.of(RecordSeen)[-1].confirmed)
    before = len(stage.of(RecordSeen))
    for payload in ups(stage)[: len(old) + 2]:
        replay(stage, payload)
    stage.wait(lambda: len(stage.of(MessageRefused)) == len(old) + 2)
    assert not any(each.boot == 1 for each in stage.of(RecordSeen)[before:])
    assert len({(each.boot, each.number) for each in stage.of(RecordSeen)}) == len(stage.of(RecordSeen))


def test_answer_sets_the_floor_of_its_own_epoch_too(stage: Stage):
    stage.start_gateway("first.db")
    stage.mote().start()
    stage.wait(lambda: len(stage.of(RecordSeen)) > 2)
    stage.stop_gateway()
    stage.events.clear()
    old = ups(stage)[:4]

    stage.start_gateway("second.db")
    stage.wait(lambda: stage.of(MoteConfirmed))
    for payload in old:
        replay(stage, payload)
    refused = stage.wait(lambda: len(stage.of(MessageRefused)) == len(old) and stage.of(MessageRefused))
    assert all("already taken, or is too old to tell" in each.why for each in refused)


def test_recorded_answer_confirms_nothing(stage: Stage):
    stage.start_gateway("first.db")
    mote = stage.mote()
    mote.start()
    stage.wait(lambda: stage.of(MoteConfirmed))
    stage.wait(lambda: len(stage.of(RecordSeen)) > 2)
    mote.stop()
    recorded = [each for each in stage.links["cellar"].packets if "/ack" in each[1].topic]
    stage.stop_gateway()
    stage.events.clear()

    gateway = stage.start_gateway("second.db")
    zone = next(zone for zone in gateway._zones if zone.access.prefix == "sealed")
    for payload in ups(stage)[:1]:
        replay(stage, payload)
    for _, packet in recorded:
        message = Message("clear", "sealed", "sealed/cellar/ack", payload_of(packet.data))
        gateway._inbox.arrived(zone, message, Receipt(0, 1, -1))
    stage.wait(lambda: stage.of(RecordSeen))
    gateway.send("cellar", "relay", True, within_s=1)
    (ended,) = stage.wait(lambda: stage.of(CommandEnded))
    assert (ended.result, stage.of(MoteConfirmed)) == ("expired", [])
    assert "challenge" in ended.why


def test_gateway_from_yesterdays_backup_repeats_no_nonce_and_is_obeyed(stage: Stage):
    stage.start_gateway()
    stage.mote().start()
    stage.wait(lambda: stage.of(MoteConfirmed))
    stage.stop_gateway()
    shutil.copy(stage.folder / "g.db", stage.folder / "yesterday.db")
    stage.start_gateway()
    command_is_done(stage, True)
    numbers_are_used(stage)
    stage.stop_gateway()

    for round_ in range(2):
        stage.events.clear()
        shutil.copy(stage.folder / "yesterday.db", stage.folder / f"restored{round_}.db")
        stage.start_gateway(f"restored{round_}.db")
        command_is_done(stage, bool(round_))
        stage.stop_gateway()
    down = [each for each in stage.links["cellar"].sealed() if each[0] is Direction.DOWN]
    numbers = [sealed.parse(payload, 1024).sequence for _, payload in down]
    assert len(numbers) > len(set(numbers)), "the restored gateways began where the backup was"
    assert all(each > 10 for each in leaps(stage)[-2:]), "the mote's status told them where to go on"
    check_never_repeated(down)


def test_second_gateway_repeats_no_nonce_and_both_are_obeyed(stage: Stage):
    first = stage.start_gateway("first.db")
    stage.mote().start()
    stage.wait(lambda: stage.of(MoteConfirmed))
    command_is_done(stage, True)
    numbers_are_used(stage)
    # The second comes in under its own client id, as a second process would.
    accesses = [GatewayAccess(**{**vars(each), "client_id": each.client_id + "2"}) for each in stage.broker.gateway]
    events: list = []
    second = Gateway(stage.fleet.id, members_of(stage.fleet), accesses, stage.folder / "second.db", events.append)
    second.start()
    try:
        stage.wait(lambda: [each for each in events if isinstance(each, MoteConfirmed)])
        for value in (False, True):
            second.send("cellar", "relay", value)
            first.send("cellar", "relay", value)
            stage.wait(lambda wanted=value: stage.of(CommandEnded)[-1].value == wanted)
        stage.wait(lambda: len([each for each in events if isinstance(each, CommandEnded)]) == 2)
        assert {each.result for each in events if isinstance(each, CommandEnded)} == {"done"}
        assert {each.result for each in stage.of(CommandEnded) if each.name == "relay"} == {"done"}
    finally:
        second.stop()
    assert leaps(stage)[-1] > 10, "the mote's status told the second where to go on"
    check_never_repeated(each for each in stage.links["cellar"].sealed() if each[0] is Direction.DOWN)


def test_mote_that_restarts_before_it_answered_is_challenged_again(stage: Stage):
    stage.start_gateway()
    mote = stage.mote()
    lost = []

    def lose_answers(direction, packet):
        if "/ack" in packet.topic and direction is Direction.UP:
            lost.append(packet)
            return False
        return True

    stage.links["cellar"].judge = lose_answers
    mote.start()
    stage.wait(lambda: lost)
    mote.stop()
    stage.links["cellar"].judge = lambda *_: True
    mote.start()
    assert stage.wait(lambda: stage.of(MoteConfirmed)) == [MoteConfirmed("cellar", 2)]
