"""Limits of a key, a mote whose memory went back or was lost, and revocation: running motes, a real broker."""

import json
import os
import shutil
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from gateway_motes import SealingMote, a_fleet
from hostile_broker import forged
from ironmote.brokers.nats import NatsBroker
from ironmote.demo.wire import Direction, Packet
from ironmote.gateway import CommandEnded, MessageRefused, MoteConfirmed, MoteRevoked, RecordSeen, StateSeen
from ironmote.gateway.store import Store
from ironmote.gateway.trust import MoteTrust, SetBack
from ironmote.gateway.uplink import Message
from ironmote.gateway.zone import Receipt
from mote import epoch, limits, rtc, sealed
from mote import settings as device_settings
from running import Stage, check_never_repeated, payload_of, vault_file
from test_deep_sleep_never_repeats_a_nonce import RTC_HEAD, SLEEP, asleep, boots
from test_running_mote_is_attacked import Attack


def hand_over(stage: Stage, payload: bytes) -> None:
    """Give the gateway a message as the broker would."""
    zone = next(zone for zone in stage.gateway._zones if zone.access.prefix == "sealed")
    stage.gateway._inbox.arrived(zone, Message("clear", "sealed", "sealed/cellar/up", payload), Receipt(0, 1, -1))


def refusals(stage: Stage, words: str) -> list[MessageRefused]:
    return [each for each in stage.of(MessageRefused) if words in each.why]


def test_mote_that_has_sealed_its_share_begins_an_epoch_without_a_reboot(stage: Stage):
    """A year of messages in no time: the mote wakes up a few before the limit, as one that had slept often would."""
    stage.start_gateway()
    mote = stage.mote(**SLEEP)
    mote.start()
    stage.wait(lambda: stage.of(MoteConfirmed))
    stage.wait(lambda: asleep(mote))
    chip = bytes.fromhex(json.loads((mote.folder / "board.json").read_text())["unique_id"])
    memory = (mote.folder / "rtc").read_bytes()
    kept = rtc.unpack(memory[RTC_HEAD:], chip)
    kept = kept._replace(sequence=limits.SEALS - 4, sleep_ms=60_000)
    (mote.folder / "rtc").write_bytes(memory[:RTC_HEAD] + rtc.pack(kept, chip))
    # From here on it stays awake.
    (mote.folder / "flash" / "settings.cbor").write_bytes(
        device_settings.to_cbor({**mote.settings, "sleep_ms": 0, "sample_ms": 300})
    )
    stage.wait(lambda: [each for each in stage.of(RecordSeen) if each.boot == 2])
    stage.gateway.send("cellar", "relay", True)
    (ended,) = stage.wait(lambda: stage.of(CommandEnded))
    assert ended.result == "done"
    assert mote.restarts == 1, "the waking, and no reboot after it"
    messages = stage.links["cellar"].sealed()
    check_never_repeated(messages)
    assert boots(messages) == [1, 2]
    assert [each.state.boot for each in stage.of(StateSeen)][-1] == 2
    highest = max(sealed.parse(each, sealed.MAX_UP).sequence for _, each in messages if boots([(_, each)]) in ([1], []))
    assert limits.SEALS - 4 < highest < limits.SPENT
    assert stage.of(MessageRefused) == []


def test_guesses_against_one_key_are_counted_over_restarts_and_raise_an_alert(stage: Stage):
    stage.start_gateway()
    mote = stage.mote()
    mote.start()
    stage.wait(lambda: stage.of(MoteConfirmed))
    mote.stop()
    stage.stop_gateway()
    # A million guesses take a while; all but the last two are put into the count.
    store = Store(stage.folder / "g.db")
    (kept,) = store.epochs("cellar")
    kept.failed = limits.FAILURES - 2
    with store.transaction():
        store.save_epochs({"cellar": ([kept], [])})
    store.close()
    packets = [packet for _, packet in stage.links["cellar"].packets if packet.topic.endswith("/up")]
    genuine = sealed.parse(payload_of(packets[-1].data), sealed.MAX_UP)
    guess = sealed.Context(bytes(32), stage.fleet.id, genuine.kid, genuine.epoch, AESCCM)
    stage.start_gateway()
    for sequence in range(1000, 1002):
        hand_over(stage, guess.seal(sequence, b"cellar/up", b"guess"))
    (alert,) = stage.wait(lambda: refusals(stage, "rotate its root key"))
    assert alert.alert
    assert len(refusals(stage, "does not verify")) == 1
    mote.start()
    stage.wait(lambda: stage.of(RecordSeen)[-1].boot == 2)


def test_guesses_against_a_mote_that_sleeps_are_counted_over_its_sleeps(tmp_path: Path):
    attack = Attack(tmp_path, sleep_ms=2500, listen_ms=1000)
    try:
        mote = attack.mote
        chip = bytes.fromhex(json.loads((mote.folder / "board.json").read_text())["unique_id"])

        def guess_when_it_speaks(direction: Direction, packet: Packet) -> bool:
            if direction is Direction.UP and packet.topic.endswith("/up"):
                true = sealed.parse(payload_of(packet.data), sealed.MAX_UP)
                guess = forged(bytes(true.epoch), 60)
                threading.Thread(target=attack.say, args=(guess,), daemon=True).start()
            return True

        def counted() -> int:
            if not asleep(mote):
                return 0
            kept = rtc.unpack((mote.folder / "rtc").read_bytes()[RTC_HEAD:], chip)
            return kept.failed if kept else 0

        attack.stage.links["cellar"].judge = guess_when_it_speaks
        attack.stage.wait(lambda: counted() >= 3)
        assert boots(attack.stage.links["cellar"].sealed()) == [1]
        assert mote.restarts >= 3
    finally:
        attack.close()


@pytest.mark.parametrize("board", ["esp8266", "esp32"])
def test_memory_that_was_set_back_is_refused_and_the_owner_told_what_to_do(tmp_path: Path, board: str):
    stage = Stage(tmp_path, board=board)
    try:
        stage.start_gateway()
        mote = stage.mote()
        secrets = vault_file(mote, "boot0").parent
        for boot in range(1, 4):
            mote.start()
            stage.wait(lambda wanted=boot: MoteConfirmed("cellar", wanted) in stage.of(MoteConfirmed) or wanted > 1)
            stage.wait(lambda wanted=boot: stage.of(RecordSeen)[-1].boot == wanted)
            mote.stop()
            if boot == 1:
                shutil.copytree(secrets, tmp_path / "yesterday")
        shutil.copytree(tmp_path / "yesterday", secrets, dirs_exist_ok=True)
        mote.start()
        (alert, *_) = stage.wait(lambda: [each for each in stage.of(MessageRefused) if each.alert])
        assert "set back to an earlier state" in alert.why
        assert "provision it again" in alert.why
        assert stage.of(RecordSeen)[-1].boot == 3
    finally:
        stage.close()


def test_memory_set_back_far_is_refused_with_the_same_advice(stage: Stage):
    """So far back that the gateway has forgotten those epochs: it is not a twin of anything that is known."""
    stage.start_gateway()
    mote = stage.mote()
    secrets = vault_file(mote, "boot0")
    secrets.write_bytes(epoch.slot(1, 40))
    mote.start()
    stage.wait(lambda: stage.of(RecordSeen))
    mote.stop()
    for each in ("boot0", "boot1"):
        vault_file(mote, each).write_bytes(epoch.slot(1, 3))
    mote.start()
    (alert, *_) = stage.wait(lambda: [each for each in stage.of(MessageRefused) if each.alert])
    assert "from boot 4, which was never heard before boot 41" in alert.why
    assert "provision it again" in alert.why


def test_forgeries_cannot_hide_that_a_motes_memory_was_set_back(stage: Stage):
    stage.start_gateway()
    mote = stage.mote()
    vault_file(mote, "boot0").write_bytes(epoch.slot(1, 40))
    mote.start()
    stage.wait(lambda: stage.of(MoteConfirmed))
    mote.stop()
    for each in ("boot0", "boot1"):
        vault_file(mote, each).write_bytes(epoch.slot(1, 3))
    told = threading.Event()

    def flood() -> None:
        while not told.wait(0.003):
            invented = sealed.make_epoch(1, 1 + int.from_bytes(os.urandom(1)) % 39, os.urandom(8))
            noise = sealed.Context(bytes(32), stage.fleet.id, sealed.UPLINK, invented, AESCCM)
            hand_over(stage, noise.seal(0, b"cellar/up", b"noise"))

    flooding = threading.Thread(target=flood)
    flooding.start()
    try:
        stage.wait(lambda: sum(each.times for each in stage.of(MessageRefused)) > 200)
        mote.start()
        stage.wait(lambda: [each for each in refusals(stage, "from boot 4, ") if each.alert])
    finally:
        told.set()
        flooding.join()


def test_invented_epochs_with_counters_that_went_back_cost_bounded_work_and_no_true_message(monkeypatch):
    fleet = a_fleet()
    mote = SealingMote(fleet, "cellar", boot=40)
    trust = MoteTrust("cellar", 1, mote.key, fleet.id)
    trust.open("up", mote.up())
    derived = []
    derive = MoteTrust._derive

    def counting(self, kid, of):
        derived.append(of)
        return derive(self, kid, of)

    monkeypatch.setattr(MoteTrust, "_derive", counting)
    back = SealingMote(fleet, "cellar", boot=4)
    for seconds in range(1, 4):
        for number in range(1000):
            invented = sealed.make_epoch(1, 1 + number % 39, os.urandom(8))
            noise = sealed.Context(bytes(32), fleet.id, sealed.UPLINK, invented, AESCCM)
            with pytest.raises(sealed.Refused):
                trust.open("up", noise.seal(0, b"cellar/up", b"noise"))
            if number % 100 == 0:
                trust.open("up", mote.up())
        assert len(derived) <= seconds * 65
        with pytest.raises(sealed.Refused) as caught:
            trust.open("up", back.up())
        assert not isinstance(caught.value, SetBack)
        trust.look_again()
        with pytest.raises(SetBack):
            trust.open("up", back.up())


@pytest.mark.parametrize("lost", [("boot0", "boot1"), ("root",)])
def test_mote_whose_memory_is_lost_says_so_and_sends_nothing(stage: Stage, lost):
    mote = stage.mote()
    for name in lost:
        vault_file(mote, name).unlink(missing_ok=True)
    mote.start()
    stage.wait(lambda: not mote.alive)
    assert any("stopped:" in line and "provision" in line for line in mote.console)
    assert stage.links["cellar"].packets == []


def test_revoked_mote_is_refused_at_once_and_over_restarts(stage: Stage):
    gateway = stage.start_gateway()
    stage.mote().start()
    stage.wait(lambda: stage.of(MoteConfirmed))
    gateway.revoke("cellar")
    stage.wait(lambda: stage.of(MoteRevoked))
    at = stage.events.index(MoteRevoked("cellar"))
    stage.wait(lambda: len(refusals(stage, "was revoked")) > 3)
    assert not any(isinstance(each, RecordSeen | StateSeen) for each in stage.events[at:])
    gateway.send("cellar", "relay", True)
    (ended,) = stage.wait(lambda: stage.of(CommandEnded))
    assert (ended.result, ended.why) == ("expired", "the mote was revoked")

    stage.stop_gateway()
    stage.events.clear()
    stage.start_gateway()  # the fleet still lists it
    stage.wait(lambda: refusals(stage, "was revoked"))
    assert stage.of(RecordSeen) == []


def test_revoked_mote_is_believed_again_with_another_root_key(stage: Stage):
    gateway = stage.start_gateway()
    mote = stage.mote()
    mote.start()
    stage.wait(lambda: stage.of(MoteConfirmed))
    gateway.revoke("cellar")
    stage.wait(lambda: stage.of(MoteRevoked))
    mote.stop()
    stage.stop_gateway()
    stage.events.clear()
    provisioned = stage.fleet.motes["cellar"]
    provisioned.root, provisioned.generation = bytes(range(32)), 2
    stage.broker.stop()
    stage.broker = NatsBroker(stage.fleet, stage.authority, stage.folder / "broker2")
    stage.broker.start()
    stage.links["cellar"].target = stage.broker.clear
    stage.start_gateway()
    stage.mote().start()
    stage.wait(lambda: stage.of(MoteConfirmed) and stage.of(RecordSeen)[-1].confirmed)


def test_command_that_was_under_way_when_its_mote_was_revoked_has_an_unknown_outcome(stage: Stage):
    gateway = stage.start_gateway()
    stage.mote().start()
    stage.wait(lambda: stage.of(MoteConfirmed))
    stage.links["cellar"].judge = lambda direction, packet: not packet.topic.endswith("/down")
    gateway.send("cellar", "relay", True)
    gateway.revoke("cellar")
    (ended,) = stage.wait(lambda: stage.of(CommandEnded))
    assert ended.result in ("unknown", "expired")
