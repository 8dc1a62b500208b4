"""A mote's root key replaced over the air, with every message of it lost once and the power cut at each of them.

Running motes, a real broker; the link of each mote loses another packet.
"""

import threading
import time
from pathlib import Path

import pytest
from ironmote import rotation
from ironmote.brokers.nats import NatsBroker
from ironmote.demo.wire import Direction, Kind
from ironmote.gateway import CommandEnded, MessageRefused, MoteConfirmed, RecordSeen, RootKept, RootRotated
from ironmote.gateway.members import members_of, successor_of
from ironmote.gateway.uplink import Message
from ironmote.gateway.zone import Receipt
from mote import roots, sealed
from running import Stage, check_never_repeated, payload_of, vault_file

pytestmark = pytest.mark.long

CASES = 14  # more packets than a rotation takes
NAMES = tuple(f"mote-{number}" for number in range(CASES))


def begin(stage: Stage, name: str = "cellar") -> None:
    mote = stage.fleet.motes[name]
    rotation.begin(mote)
    stage.gateway.rotate(name, successor_of(mote, stage.fleet.id))


def kept(mote) -> bytes:
    """All that the mote's board holds in secret."""
    return b"".join(path.read_bytes() for path in vault_file(mote, "root").parent.iterdir())


def finish(stage: Stage, generation: int) -> None:
    """The owner finishes the rotation: the broker is given the password of the new key, and all begin anew."""
    rotation.finish(stage.fleet.motes["cellar"], generation)
    stage.stop_gateway()
    stage.broker.stop()
    stage.events.clear()
    stage.broker = NatsBroker(stage.fleet, stage.authority, stage.folder / f"broker{generation}")
    stage.broker.start()
    stage.links["cellar"].target = stage.broker.clear
    stage.start_gateway()


def rotated(stage: Stage, name: str = "cellar") -> list[RootRotated]:
    return stage.of(RootRotated, name)


def check_new_root_in_force(stage: Stage, name: str) -> None:
    """The mote is heard, confirmed and obeys under the new key; the old one is refused."""
    stage.wait(lambda: rotated(stage, name))
    assert rotated(stage, name) == [RootRotated(name, 2)]
    stage.wait(lambda: len(stage.of(MoteConfirmed, name)) > 1)
    stage.gateway.send(name, "relay", True)
    assert [each.result for each in stage.wait(lambda: stage.of(CommandEnded, name))] == ["done"]
    slots = [vault_file(stage.motes[name], each).read_bytes() for each in ("root", "root2")]
    assert roots.slot(1, 2, stage.fleet.motes[name].successor) in slots
    check_never_repeated(stage.links[name].sealed())


@pytest.fixture
def crowd(tmp_path: Path):
    stage = Stage(tmp_path, NAMES)
    yield stage
    stage.close()


class Fault:
    """Counts a mote's packets from the first `!rotate` on, and does something at the one numbered `at`."""

    def __init__(self, at: int, act) -> None:
        self.at = at
        self.act = act
        self.count = -1
        self.armed = False
        self.done = threading.Event()

    def judge(self, direction: Direction, packet) -> bool:
        if packet.kind is Kind.MQTT_PUBLISH and packet.topic.endswith("/up") and direction is Direction.UP:
            return True  # records are not part of it
        if not self.armed:
            return True
        self.count += 1
        if self.count != self.at:
            return True
        passes = self.act(direction, packet)
        self.done.set()
        return passes


def settle(crowd: Stage, faults: dict[str, Fault]) -> None:
    """Start the motes, wait until all are confirmed, then begin every rotation."""
    crowd.start_gateway()
    for name in NAMES:
        crowd.links[name].judge = faults[name].judge
        crowd.mote(name, sample_ms=1000).start()
    crowd.wait(lambda: all(crowd.of(MoteConfirmed, name) for name in NAMES), 120)
    for name in NAMES:
        faults[name].armed = True
        begin(crowd, name)


def check_all(crowd: Stage, faults: dict[str, Fault]) -> None:
    crowd.wait(lambda: all(rotated(crowd, name) for name in NAMES), 120)
    for name in NAMES:
        check_new_root_in_force(crowd, name)
    hit = [name for name in NAMES if faults[name].done.is_set()]
    print(f"{len(hit)} of {CASES} packets were hit")
    assert len(hit) > 8


def test_every_message_lost_once_and_the_new_key_comes_into_force(crowd: Stage):
    faults = {name: Fault(number, lambda *_: False) for number, name in enumerate(NAMES)}
    settle(crowd, faults)
    check_all(crowd, faults)


def test_power_cut_at_every_message_and_the_new_key_comes_into_force(crowd: Stage):
    def cut(name):
        def act(direction, packet):
            threading.Thread(target=restart, args=(name,), daemon=True).start()
            return direction is Direction.UP  # what was sent may arrive, what was to come does not

        return act

    def restart(name):
        crowd.motes[name].stop()
        crowd.motes[name].start()

    faults = {name: Fault(number, cut(name)) for number, name in enumerate(NAMES)}
    settle(crowd, faults)
    check_all(crowd, faults)


def test_old_key_is_refused_once_the_new_one_was_heard(stage: Stage):
    gateway = stage.start_gateway()
    stage.mote().start()
    stage.wait(lambda: stage.of(MoteConfirmed))
    held = []

    def hold_one(direction, packet):
        if direction is Direction.UP and packet.topic.endswith("/up") and not held:
            held.append(payload_of(packet.data))
            return False
        return True

    stage.links["cellar"].judge = hold_one
    stage.wait(lambda: held)
    begin(stage)
    check_new_root_in_force(stage, "cellar")
    zone = next(zone for zone in gateway._zones if zone.access.prefix == "sealed")
    gateway._inbox.arrived(zone, Message("clear", "sealed", "sealed/cellar/up", held[0]), Receipt(0, 1, -1))
    refused = stage.wait(lambda: [each for each in stage.of(MessageRefused) if "generation 1" in each.why])
    assert refused


def test_mote_that_says_nothing_by_itself_is_given_its_new_key_at_once(stage: Stage):
    stage.start_gateway()
    stage.mote(sensors=[], sample_ms=600_000, health_s=0).start()
    stage.wait(lambda: stage.of(MoteConfirmed))
    stage.gateway.send("cellar", "relay", True)
    stage.wait(lambda: stage.of(CommandEnded))
    time.sleep(3)  # until whatever followed from that is over
    stage.events.clear()
    begin(stage)
    stage.wait(lambda: rotated(stage))


def test_retired_key_stays_retired_over_a_restart_of_the_gateway(stage: Stage):
    stage.start_gateway()
    stage.mote().start()
    stage.wait(lambda: stage.of(MoteConfirmed))
    begin(stage)
    stage.wait(lambda: rotated(stage))
    stage.stop_gateway()
    stage.events.clear()
    gateway = stage.start_gateway()  # the fleet still names both keys
    stage.wait(lambda: stage.of(MoteConfirmed))
    assert gateway._trusts["cellar"].generation == 2
    assert gateway._trusts["cellar"].successor is None


def test_key_rotates_in_non_volatile_storage_twice(tmp_path: Path):
    stage = Stage(tmp_path, board="esp32")
    try:
        stage.start_gateway()
        mote = stage.mote()
        mote.start()
        for generation in (2, 3):
            stage.wait(lambda: stage.of(MoteConfirmed))
            begin(stage)
            stage.wait(lambda wanted=generation: RootRotated("cellar", wanted) in rotated(stage))
            finish(stage, generation)
        stage.wait(lambda: stage.of(MoteConfirmed))
        of = stage.fleet.motes["cellar"]
        assert vault_file(mote, "root").read_bytes() == roots.slot(1, 3, of.root)
        mote.stop()
        mote.start()
        stage.wait(lambda: stage.of(RecordSeen)[-1].boot == 4)
        check_never_repeated(stage.links["cellar"].sealed())
    finally:
        stage.close()


def test_rotation_begun_before_the_gateway_starts_is_carried_out(stage: Stage):
    stage.mote().start()
    rotation.begin(stage.fleet.motes["cellar"])
    stage.start_gateway()
    check_new_root_in_force(stage, "cellar")
    rotation.finish(stage.fleet.motes["cellar"], 2)
    assert [member.generation for member in members_of(stage.fleet)] == [2]
    stage.stop_gateway()
    stage.events.clear()
    stage.start_gateway()
    stage.wait(lambda: stage.of(MoteConfirmed) and stage.of(RecordSeen)[-1].confirmed)


def test_mote_erases_the_old_key_when_both_ends_and_the_broker_know_the_new_one(stage: Stage):
    stage.start_gateway()
    mote = stage.mote()
    mote.start()
    stage.wait(lambda: stage.of(MoteConfirmed))
    begin(stage)
    stage.wait(lambda: len(stage.of(MoteConfirmed)) > 1)
    assert vault_file(mote, "root").read_bytes() == stage.fleet.motes["cellar"].root, "its broker knows no other"
    old = stage.fleet.motes["cellar"].root
    finish(stage, 2)
    stage.wait(lambda: stage.of(MoteConfirmed))
    stage.wait(lambda: any("older root key is retired" in line for line in mote.console))
    assert vault_file(mote, "root").read_bytes() == bytes(roots.SIZE)
    assert old not in kept(mote)


def test_with_tokens_both_keys_let_the_mote_in_until_the_old_one_is_retired(tmp_path: Path):
    stage = Stage(tmp_path, connect="token")
    try:
        stage.start_gateway()
        mote = stage.mote()
        mote.start()
        of = stage.fleet.motes["cellar"]
        for generation in (2, 3):
            stage.wait(lambda wanted=generation: len(stage.of(MoteConfirmed)) >= wanted - 1)
            old = of.root
            rotation.begin(of)
            stage.broker.admit(stage.fleet)  # both
            stage.gateway.rotate("cellar", successor_of(of, stage.fleet.id))
            stage.wait(lambda wanted=generation: RootRotated("cellar", wanted) in rotated(stage))
            stage.wait(lambda wanted=generation: len(stage.of(MoteConfirmed)) >= wanted)
            stage.wait(lambda secret=old: secret not in kept(mote))
            rotation.finish(of, generation)
            stage.broker.admit(stage.fleet)  # the new one alone
        mote.stop()
        mote.start()
        stage.wait(lambda: stage.of(RecordSeen)[-1].boot == 4)
        assert not any("refuses this user name" in line or "not authorise" in line for line in mote.console)
        check_never_repeated(stage.links["cellar"].sealed())
    finally:
        stage.close()


def test_second_change_waits_until_the_broker_knows_the_first(stage: Stage):
    stage.start_gateway()
    stage.mote().start()
    stage.wait(lambda: stage.of(MoteConfirmed))
    begin(stage)
    stage.wait(lambda: len(stage.of(MoteConfirmed)) > 1)
    rotation.finish(stage.fleet.motes["cellar"], 2)
    begin(stage)
    (kept,) = stage.wait(lambda: stage.of(RootKept))
    assert (kept.generation, "not finished" in kept.why) == (3, True)
    stage.gateway.send("cellar", "relay", True)
    assert [each.result for each in stage.wait(lambda: stage.of(CommandEnded))] == ["done"]
    finish(stage, 0)
    stage.wait(lambda: stage.of(RootRotated) and stage.of(MoteConfirmed))
    assert stage.of(RootRotated) == [RootRotated("cellar", 3)]


def test_update_that_was_meddled_with_is_refused_and_the_old_key_stays(stage: Stage):
    gateway = stage.start_gateway()
    stage.mote().start()
    stage.wait(lambda: stage.of(MoteConfirmed))
    mote = stage.fleet.motes["cellar"]
    rotation.begin(mote)
    good = successor_of(mote, stage.fleet.id)
    # A gateway gone bad can seal commands; it cannot make an update, or change one.
    forged = bytearray(good.update)
    forged[-1] ^= 1
    gateway.rotate("cellar", type(good)(good.generation, good.seal_key, bytes(forged)))
    assert stage.wait(lambda: stage.of(RootKept)) == [RootKept("cellar", 2, "does not verify")]
    assert rotated(stage) == []
    stage.wait(lambda: stage.of(RecordSeen)[-1].confirmed)
    gateway.rotate("cellar", good)
    stage.wait(lambda: RootRotated("cellar", 2) in rotated(stage))


def test_new_key_crosses_the_broker_sealed_twice(stage: Stage):
    stage.start_gateway()
    stage.mote().start()
    stage.wait(lambda: stage.of(MoteConfirmed))
    begin(stage)
    stage.wait(lambda: rotated(stage))
    mote = stage.fleet.motes["cellar"]
    key = successor_of(mote, stage.fleet.id).seal_key
    wire = b"".join(packet.data for _, packet in stage.links["cellar"].packets)
    assert not any(secret[at : at + 6] in wire for secret in (mote.successor, key, mote.root) for at in range(27))
    assert sealed.parse(successor_of(mote, stage.fleet.id).update, 128).kid == b"\x04"
