"""Commands: fresh anchors, numbers that only grow, never sealed again into another boot, and honest outcomes."""

import sqlite3
import time
from pathlib import Path

import pytest
from gateway_motes import SealingMote, a_fleet, trusts_of
from ironmote.gateway import database as database_module
from ironmote.gateway import downlink as downlink_module
from ironmote.gateway.downlink import UNKNOWN, Downlink, Order
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

    def opened(self) -> list[tuple[str, int]]:
        """Name and value of every command that was sent to the cellar, in that order."""
        orders = [self.cellar.open_command(payload)[0] for _, topic, payload in self.sent if "cellar" in topic]
        return [(order.name, order.value) for order in orders]

    def hear_kitchen(self, boot: int) -> None:
        """The kitchen, inside TLS, tells its state."""
        with self.store.transaction():
            self.store.save_state("kitchen", True, (1, boot, 1), time.time())
        self.downlink.heard("kitchen")


def answer(payload: bytes, mote: SealingMote, result: str) -> command.Answer:
    order, _ = mote.open_command(payload)
    return command.Answer(order.id, result, order.name, 0, None)


@pytest.fixture
def at_once(monkeypatch):
    """Commands are due again at once, not after two seconds."""
    monkeypatch.setattr(downlink_module, "_AGAIN_S", -1.0)


@pytest.fixture
def bench(tmp_path: Path):
    bench = Bench(tmp_path)
    yield bench
    bench.store.close()


def test_command_is_sealed_for_its_mote_on_the_last_anchor(bench: Bench):
    for _ in range(3):
        bench.hear(bench.cellar)
    assert bench.downlink.send(Order("cellar", "dimmer", 40, 10)) is None
    ((prefix, topic, payload),) = bench.sent
    assert (prefix, topic) == ("sealed", "sealed/cellar/down")
    order, _ = bench.cellar.open_command(payload)
    assert (order.name, order.value, order.anchor) == ("dimmer", 40, 2)
    ended = bench.downlink.answered("cellar", command.Answer(order.id, command.DONE, "dimmer", 40, None))
    assert ended is not None
    assert (ended.result, ended.value) == ("done", 40)


def test_flood_of_commands_waits_in_bounds_and_the_rest_is_told_at_once(bench: Bench):
    bench.hear(bench.cellar)
    bench.trusts["cellar"].confirmed = False  # it does not listen yet
    ended = [bench.downlink.send(Order("cellar", f"name{nth}", True, 600_000)) for nth in range(70)]
    assert [each.result for each in ended if each is not None] == ["expired"] * 6
    assert len(bench.downlink.pending) == 64
    bench.downlink.send(Order("cellar", "name0", False, 20))  # takes the place of the older one
    assert len(bench.downlink.pending) == 64
    assert bench.downlink.send(Order("kitchen", "relay", True, 20)) is None, "another mote is not kept from its own"


def test_command_for_a_tls_mote_is_json_with_a_deadline(bench: Bench):
    bench.downlink.send(Order("kitchen", "relay", True, 10))
    ((prefix, topic, payload),) = bench.sent
    order = command.decode_command_json(payload)
    assert (prefix, topic, order.name, order.value) == ("mote", "mote/kitchen/down", "relay", True)
    assert 8 <= order.deadline - time.time() <= 11


def test_expired_command_goes_out_again_on_a_fresh_anchor_with_a_higher_number(bench: Bench):
    bench.hear(bench.cellar)
    bench.downlink.send(Order("cellar", "dimmer", 40, 10))
    first, number = bench.cellar.open_command(bench.sent[0][2])
    bench.hear(bench.cellar)
    assert bench.downlink.answered("cellar", command.Answer(first.id, command.EXPIRED, "dimmer", 0, None)) is None
    second, later = bench.cellar.open_command(bench.sent[1][2])
    assert second.id == first.id
    assert second.anchor == first.anchor + 1
    assert later > number


def test_expired_command_is_not_sealed_into_another_boot(bench: Bench):
    bench.hear(bench.cellar)
    bench.downlink.send(Order("cellar", "dimmer", 40, 10))
    order, _ = bench.cellar.open_command(bench.sent[0][2])
    bench.hear(SealingMote(bench.fleet, "cellar", boot=2))
    ended = bench.downlink.answered("cellar", command.Answer(order.id, command.EXPIRED, "dimmer", 0, None))
    assert ended is not None
    assert ended.result == "expired"
    assert len(bench.sent) == 1


def test_command_that_nobody_answers_has_an_unknown_outcome(bench: Bench):
    bench.hear(bench.cellar)
    bench.downlink.send(Order("cellar", "dimmer", 40, 0.05))
    assert bench.downlink.overdue() == []
    time.sleep(0.1)
    (ended,) = bench.downlink.overdue()
    assert ended.result == UNKNOWN
    assert bench.downlink.overdue() == []


def test_answer_of_another_mote_ends_nothing(bench: Bench):
    bench.hear(bench.cellar)
    bench.downlink.send(Order("cellar", "dimmer", 40, 10))
    order, _ = bench.cellar.open_command(bench.sent[0][2])
    assert bench.downlink.answered("attic", command.Answer(order.id, command.DONE, "dimmer", 40, None)) is None
    assert bench.downlink.answered("cellar", command.Answer(order.id, command.DONE, "dimmer", 40, None)) is not None


def test_repeated_answer_ends_nothing_twice(bench: Bench):
    bench.hear(bench.cellar)
    bench.downlink.send(Order("cellar", "dimmer", 40, 10))
    order, _ = bench.cellar.open_command(bench.sent[0][2])
    answer = command.Answer(order.id, command.DONE, "dimmer", 40, None)
    assert bench.downlink.answered("cellar", answer) is not None
    assert bench.downlink.answered("cellar", answer) is None


def test_mote_that_was_never_heard_cannot_be_commanded(bench: Bench):
    ended = bench.downlink.send(Order("cellar", "dimmer", 40, 10))
    assert ended is not None
    assert ended.result == "expired"
    assert bench.sent == []


def test_two_gateways_never_share_a_sender(bench: Bench):
    bench.hear(bench.cellar)
    other = Downlink(members_of(bench.fleet), bench.trusts, bench.store, lambda *m: bench.sent.append(m))
    bench.downlink.send(Order("cellar", "dimmer", 1, 10))
    other.send(Order("cellar", "dimmer", 1, 10))
    kids = {sealed.parse(payload, sealed.MAX_DOWN).kid for _, _, payload in bench.sent}
    assert len(kids) == 2


def test_command_that_sixteen_newer_ones_have_followed_is_never_sent_again(bench: Bench, at_once):
    """A mote remembers sixteen: what it has obeyed before those, it would obey again."""
    bench.hear(bench.cellar)
    bench.downlink.send(Order("cellar", "relay", 1, 1.0))
    for number in range(15):
        bench.downlink.send(Order("cellar", f"other{number}", 0, 10))
    bench.downlink.heard("cellar")
    assert bench.opened().count(("relay", 1)) == 2
    bench.downlink.send(Order("cellar", "other15", 0, 10))
    assert bench.downlink.answered("cellar", answer(bench.sent[0][2], bench.cellar, command.EXPIRED)) is None
    for _ in range(3):
        bench.hear(bench.cellar)
        bench.downlink.heard("cellar")
    assert bench.opened().count(("relay", 1)) == 2
    time.sleep(1.1)
    (ended,) = bench.downlink.overdue()
    assert (ended.name, ended.result) == ("relay", UNKNOWN)


def test_older_command_that_was_sent_again_counts_as_newer_since_it_may_act_later(bench: Bench, at_once):
    bench.hear(bench.cellar)
    for number in range(16):  # none of them reaches the mote
        bench.downlink.send(Order("cellar", f"other{number}", 0, 10))
    bench.downlink.send(Order("cellar", "relay", 1, 10))
    bench.downlink.heard("cellar")
    sent = bench.opened()
    assert [name for name, _ in sent[17:]] == [f"other{number}" for number in range(1, 16)] + ["relay"]
    bench.downlink.send(Order("cellar", "one-more", 0, 10))
    for _ in range(3):
        bench.downlink.heard("cellar")
    assert bench.opened().count(("relay", 1)) == 2


def test_challenges_do_not_count_among_the_commands_that_a_mote_remembers(bench: Bench, at_once):
    bench.hear(bench.cellar)
    bench.downlink.send(Order("cellar", "relay", 1, 10))
    for _ in range(40):
        bench.downlink.ask("cellar", bytes(8), command.CHALLENGE, bytes(16))
    bench.downlink.heard("cellar")
    assert bench.opened().count(("relay", 1)) == 2


def test_numbers_that_another_gateway_used_count_as_commands_that_the_mote_obeyed(bench: Bench, at_once):
    bench.hear(bench.cellar)
    bench.downlink.send(Order("cellar", "relay", 1, 10))
    for numbers, again in ((15, True), (1, False)):
        with bench.store.transaction():
            last = bench.cellar.open_command(bench.sent[-1][2])[1]
            assert bench.store.raise_downlink("cellar", last + numbers)
        before = len(bench.sent)
        bench.downlink.heard("cellar")
        assert (len(bench.sent) > before) is again


def test_overtaken_command_is_never_sent_again(bench: Bench, at_once):
    bench.hear(bench.cellar)
    bench.downlink.send(Order("cellar", "dimmer", 40, 10))
    bench.downlink.send(Order("cellar", "dimmer", 50, 10))
    late = answer(bench.sent[0][2], bench.cellar, command.EXPIRED)
    for _ in range(3):
        bench.hear(bench.cellar)
        bench.downlink.heard("cellar")
        assert bench.downlink.answered("cellar", late) is None
    assert bench.opened() == [("dimmer", 40), *[("dimmer", 50)] * 4]
    (ended,) = bench.downlink.overdue()
    assert (ended.result, ended.why) == (UNKNOWN, "overtaken by a later command")


def test_nothing_is_sent_after_its_deadline(bench: Bench, at_once):
    bench.hear(bench.cellar)
    late = Order("cellar", "dimmer", 30, 10, time.monotonic() - 10.1, time.time() - 10.1)
    ended = bench.downlink.send(late)
    assert ended is not None
    assert (ended.result, ended.why, bench.sent) == ("expired", "never sent: its deadline had passed", [])
    bench.downlink.send(Order("cellar", "dimmer", 40, 0.05))
    time.sleep(0.1)
    bench.hear(bench.cellar)
    bench.downlink.heard("cellar")
    bench.downlink.behind("cellar", 2**30)
    bench.downlink.heard("cellar")
    ended = bench.downlink.answered("cellar", answer(bench.sent[0][2], bench.cellar, command.EXPIRED))
    assert ended is not None
    assert (ended.result, len(bench.sent)) == ("expired", 1)


def test_deadline_counts_from_when_the_command_was_asked_for(bench: Bench):
    bench.hear(bench.cellar)
    bench.downlink.send(Order("cellar", "dimmer", 40, 10, time.monotonic() - 6, time.time() - 6))
    order, _ = bench.cellar.open_command(bench.sent[0][2])
    assert 2 <= order.deadline - time.time() <= 4


def test_expired_copy_is_no_outcome_while_another_one_may_act(bench: Bench, at_once):
    bench.hear(bench.cellar)
    bench.downlink.send(Order("cellar", "dimmer", 40, 0.2))
    bench.downlink.heard("cellar")
    time.sleep(0.3)
    ended = bench.downlink.answered("cellar", answer(bench.sent[0][2], bench.cellar, command.EXPIRED))
    assert ended is not None
    assert ended.result == UNKNOWN


def test_expired_command_that_the_disk_does_not_let_out_goes_out_when_the_mote_is_heard(
    tmp_path: Path, monkeypatch, at_once
):
    monkeypatch.setattr(database_module, "_BUSY_S", 0.05)
    bench = Bench(tmp_path)
    bench.hear(bench.cellar)
    bench.downlink.send(Order("cellar", "dimmer", 40, 10))
    holder = sqlite3.connect(tmp_path / "g.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    expired = answer(bench.sent[0][2], bench.cellar, command.EXPIRED)
    assert bench.downlink.answered("cellar", expired) is None
    assert len(bench.sent) == 1
    holder.execute("ROLLBACK")
    holder.close()
    bench.hear(bench.cellar)
    bench.downlink.heard("cellar")
    assert bench.opened() == [("dimmer", 40)] * 2
    ended = bench.downlink.answered("cellar", answer(bench.sent[1][2], bench.cellar, command.DONE))
    assert ended is not None
    assert ended.result == "done"
    bench.store.close()


def test_command_for_a_tls_mote_is_sent_again_when_it_is_heard_and_not_more_often_than_every_two_seconds(
    bench: Bench, monkeypatch
):
    bench.hear_kitchen(boot=7)
    bench.downlink.send(Order("kitchen", "relay", True, 10))
    bench.hear_kitchen(boot=7)
    assert len(bench.sent) == 1
    monkeypatch.setattr(downlink_module, "_AGAIN_S", -1.0)
    bench.hear_kitchen(boot=7)
    first, second = [command.decode_command_json(payload) for _, _, payload in bench.sent]
    assert (first.id, first.anchor, second.anchor) == (second.id, None, 7)
    ended = bench.downlink.answered("kitchen", command.Answer(first.id, command.DONE, "relay", 1, None))
    assert ended is not None
    bench.hear_kitchen(boot=7)
    assert len(bench.sent) == 2


@pytest.mark.parametrize("known", [True, False])
def test_command_for_a_tls_mote_is_not_sent_again_into_another_boot(bench: Bench, at_once, known: bool):
    if known:
        bench.hear_kitchen(boot=7)
    bench.downlink.send(Order("kitchen", "relay", True, 0.2))
    bench.hear_kitchen(boot=8)
    assert len(bench.sent) == 1
    time.sleep(0.3)
    (ended,) = bench.downlink.overdue()
    assert ended.result == UNKNOWN


def test_command_for_a_tls_mote_that_sixteen_newer_ones_have_followed_is_never_sent_again(bench: Bench, at_once):
    bench.hear_kitchen(boot=7)
    bench.downlink.send(Order("kitchen", "relay", True, 10))
    for number in range(16):
        bench.downlink.send(Order("kitchen", f"other{number}", 0, 10))
    bench.hear_kitchen(boot=7)
    assert [command.decode_command_json(each[2]).name for each in bench.sent].count("relay") == 1


@pytest.mark.parametrize(("boot", "result"), [(7, "expired"), (8, UNKNOWN)])
def test_expired_copy_for_a_tls_mote_is_an_outcome_only_in_the_boot_of_the_others(
    bench: Bench, at_once, boot: int, result: str
):
    bench.hear_kitchen(boot=7)
    bench.downlink.send(Order("kitchen", "relay", True, 0.3))
    bench.hear_kitchen(boot=7)
    bench.hear_kitchen(boot=boot)
    order = command.decode_command_json(bench.sent[0][2])
    expired = command.Answer(order.id, command.EXPIRED, "relay", 0, None)
    ends = [bench.downlink.answered("kitchen", expired) for _ in bench.sent]
    time.sleep(0.4)
    ended = [each for each in [*ends, *bench.downlink.overdue()] if each is not None]
    assert [each.result for each in ended] == [result]
