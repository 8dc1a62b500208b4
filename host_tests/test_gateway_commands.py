"""Commands: fresh anchors, numbers that only grow, never sealed again into another boot, and honest outcomes."""

import time
from pathlib import Path

import pytest
from gateway_motes import SealingMote, a_fleet, trusts_of
from ironmote.gateway.downlink import UNKNOWN, Downlink
from ironmote.gateway.members import members_of
from ironmote.gateway.store import Store
from mote import command, sealed


class Bench:
    def __init__(self, folder: Path) -> None:
        self.fleet = a_fleet()
        self.trusts = trusts_of(self.fleet)
        self.store = Store(folder / "g.db")
        self.sent: list[tuple[str, str, bytes]] = []
        members = members_of(self.fleet)
        self.downlink = Downlink(members, self.trusts, self.store, lambda *message: self.sent.append(message))
        self.cellar = SealingMote(self.fleet, "cellar")

    def hear(self, mote: SealingMote) -> None:
        self.trusts["cellar"].open("up", mote.up())


@pytest.fixture
def bench(tmp_path: Path):
    bench = Bench(tmp_path)
    yield bench
    bench.store.close()


def test_command_is_sealed_for_its_mote_on_the_last_anchor(bench: Bench):
    for _ in range(3):
        bench.hear(bench.cellar)
    assert bench.downlink.send("cellar", "dimmer", 40, 10) is None
    ((prefix, topic, payload),) = bench.sent
    assert (prefix, topic) == ("sealed", "sealed/cellar/down")
    order, _ = bench.cellar.open_command(payload)
    assert (order.name, order.value, order.anchor) == ("dimmer", 40, 2)
    ended = bench.downlink.answered("cellar", command.Answer(order.id, command.DONE, "dimmer", 40, None))
    assert ended is not None
    assert (ended.result, ended.value) == ("done", 40)


def test_command_for_a_tls_mote_is_json_with_a_deadline(bench: Bench):
    bench.downlink.send("kitchen", "relay", True, 10)
    ((prefix, topic, payload),) = bench.sent
    order = command.decode_command_json(payload)
    assert (prefix, topic, order.name, order.value) == ("mote", "mote/kitchen/down", "relay", True)
    assert 8 <= order.deadline - time.time() <= 11


def test_expired_command_goes_out_again_on_a_fresh_anchor_with_a_higher_number(bench: Bench):
    bench.hear(bench.cellar)
    bench.downlink.send("cellar", "dimmer", 40, 10)
    first, number = bench.cellar.open_command(bench.sent[0][2])
    bench.hear(bench.cellar)
    assert bench.downlink.answered("cellar", command.Answer(first.id, command.EXPIRED, "dimmer", 0, None)) is None
    second, later = bench.cellar.open_command(bench.sent[1][2])
    assert second.id == first.id
    assert second.anchor == first.anchor + 1
    assert later > number


def test_expired_command_is_not_sealed_into_another_boot(bench: Bench):
    bench.hear(bench.cellar)
    bench.downlink.send("cellar", "dimmer", 40, 10)
    order, _ = bench.cellar.open_command(bench.sent[0][2])
    bench.hear(SealingMote(bench.fleet, "cellar", boot=2))
    ended = bench.downlink.answered("cellar", command.Answer(order.id, command.EXPIRED, "dimmer", 0, None))
    assert ended is not None
    assert ended.result == "expired"
    assert len(bench.sent) == 1


def test_command_that_nobody_answers_has_an_unknown_outcome(bench: Bench):
    bench.hear(bench.cellar)
    bench.downlink.send("cellar", "dimmer", 40, 0.05)
    assert bench.downlink.overdue() == []
    time.sleep(0.1)
    (ended,) = bench.downlink.overdue()
    assert ended.result == UNKNOWN
    assert bench.downlink.overdue() == []


def test_answer_of_another_mote_ends_nothing(bench: Bench):
    bench.hear(bench.cellar)
    bench.downlink.send("cellar", "dimmer", 40, 10)
    order, _ = bench.cellar.open_command(bench.sent[0][2])
    assert bench.downlink.answered("attic", command.Answer(order.id, command.DONE, "dimmer", 40, None)) is None
    assert bench.downlink.answered("cellar", command.Answer(order.id, command.DONE, "dimmer", 40, None)) is not None


def test_repeated_answer_ends_nothing_twice(bench: Bench):
    bench.hear(bench.cellar)
    bench.downlink.send("cellar", "dimmer", 40, 10)
    order, _ = bench.cellar.open_command(bench.sent[0][2])
    answer = command.Answer(order.id, command.DONE, "dimmer", 40, None)
    assert bench.downlink.answered("cellar", answer) is not None
    assert bench.downlink.answered("cellar", answer) is None


def test_mote_that_was_never_heard_cannot_be_commanded(bench: Bench):
    ended = bench.downlink.send("cellar", "dimmer", 40, 10)
    assert ended is not None
    assert ended.result == "expired"
    assert bench.sent == []


def test_two_gateways_never_share_a_sender(bench: Bench):
    bench.hear(bench.cellar)
    other = Downlink(members_of(bench.fleet), bench.trusts, bench.store, lambda *m: bench.sent.append(m))
    bench.downlink.send("cellar", "dimmer", 1, 10)
    other.send("cellar", "dimmer", 1, 10)
    kids = {sealed.parse(payload, sealed.MAX_DOWN).kid for _, _, payload in bench.sent}
    assert len(kids) == 2
