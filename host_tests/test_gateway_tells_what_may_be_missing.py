"""What is missing from the end of a boot makes no gap in the numbers: it is lost, or may be, and never silently."""

from pathlib import Path

import pytest
from gateway_motes import SealingMote, a_fleet, on_clear, on_home, trusts_of
from ironmote.gateway import MessageRefused, RecordSeen, RecordsMayBeMissing
from ironmote.gateway.care import KeyCare
from ironmote.gateway.intake import Delivery, Intake
from ironmote.gateway.losses import MOST_LOST
from ironmote.gateway.members import members_of
from ironmote.gateway.refusals import Refusals
from ironmote.gateway.store import Store
from ironmote.gateway.uplink import Uplink
from mote import cbor, record


class Desk:
    """A gateway without its network: what it is given is verified and stored."""

    def __init__(self, folder: Path) -> None:
        self.fleet = a_fleet()
        self.store = Store(folder / "g.db")
        members = list(members_of(self.fleet))
        trusts = trusts_of(self.fleet)
        care = KeyCare(trusts, self.store, lambda *words: None)
        uplink = Uplink(members, trusts)
        self._intake = Intake(trusts, self.store, uplink, care, Refusals(self.store))
        self.boot = 0

    def take(self, *messages) -> list:
        taken = self._intake.take([Delivery(message, 1800000000.0) for message in messages])
        assert not [event for event in taken.events if isinstance(event, MessageRefused)], taken.events
        return taken.events

    def lives(self, boot: int, taken: int, generation: int = 1, **status) -> list:
        """The mote's status in `boot`, then so many records; what the gateway said of boots before."""
        mote = SealingMote(self.fleet, "cellar", boot, generation)
        events = self.take(on_clear("sealed/cellar/state", mote.state(**status)))
        for _ in range(taken):
            self.take(on_clear("sealed/cellar/up", mote.up()))
        return [event for event in events if isinstance(event, RecordsMayBeMissing)]


@pytest.fixture
def desk(tmp_path: Path):
    desk = Desk(tmp_path)
    yield desk
    desk.store.close()


def test_boot_that_ended_with_a_reset_counts_what_is_missing_from_its_end_as_lost(desk: Desk):
    assert desk.lives(1, 5) == []
    assert desk.lives(2, 1, before=[[1, 1, 7]]) == []
    assert desk.store.lost() == {"cellar": 2}
    assert desk.store.missing() == []


def test_boot_that_ended_with_a_power_cut_is_told_and_stored(desk: Desk):
    desk.lives(1, 5)
    assert desk.lives(2, 1) == [RecordsMayBeMissing("cellar", 1, 5, 2)]
    assert desk.store.missing() == [("cellar", 1, 5, 2)]
    assert desk.store.lost() == {"cellar": 0}


def test_number_in_flash_bounds_what_may_be_missing(desk: Desk):
    desk.lives(1, 5)
    assert desk.lives(2, 1, kept=[1, 1, 9]) == [RecordsMayBeMissing("cellar", 1, 9, 2)]
    assert desk.lives(3, 1, kept=[1, 1, 9]) == [RecordsMayBeMissing("cellar", 2, 1, 3)]


def test_record_that_was_in_flash_after_a_power_cut_and_never_comes_is_lost_with_all_before_it(desk: Desk):
    desk.lives(1, 5)
    # What is told begins after number 9; if flash then drops 6 to 9 for newer ones, nothing later shows a gap there.
    assert desk.lives(2, 1, kept=[1, 1, 9]) == [RecordsMayBeMissing("cellar", 1, 9, 2)]
    assert desk.store.lost() == {"cellar": 4}
    assert desk.lives(3, 1, kept=[1, 1, 9], before=[[1, 2, 1]]) == []
    assert desk.store.lost() == {"cellar": 4}


def test_number_in_flash_that_is_too_far_above_to_be_believed_bounds_nothing(desk: Desk):
    desk.lives(1, 5)
    assert desk.lives(2, 1, kept=[1, 1, 5 + MOST_LOST + 1]) == [RecordsMayBeMissing("cellar", 1, 5, 2)]
    assert desk.store.lost() == {"cellar": 0}


def test_number_in_flash_of_a_boot_that_goes_on_does_not_end_it(desk: Desk):
    desk.lives(1, 5, kept=[1, 1, 9])  # of a mote that slept
    assert desk.store.lost() == {"cellar": 0}
    assert desk.lives(2, 1, before=[[1, 1, 20]]) == []
    assert desk.store.lost() == {"cellar": 15}


def test_later_status_of_the_same_boot_says_nothing_new(desk: Desk):
    desk.lives(1, 1)
    mote = SealingMote(desk.fleet, "cellar", 2)
    first = desk.take(on_clear("sealed/cellar/state", mote.state()))
    again = desk.take(on_clear("sealed/cellar/state", mote.state()))
    assert [isinstance(event, RecordsMayBeMissing) for event in first + again] == [False, True, False]


def test_boots_that_never_reached_the_gateway_are_lost_or_told(desk: Desk):
    desk.lives(1, 5)
    assert desk.lives(4, 1, before=[[1, 1, 5], [1, 2, 10], [1, 3, 20]]) == []
    assert desk.store.lost() == {"cellar": 30}
    assert desk.lives(7, 1, before=[[1, 4, 1], [1, 6, 0]]) == [RecordsMayBeMissing("cellar", 5, 0, 7)]
    assert desk.lives(9, 1, before=[[1, 8, 2]]) == [RecordsMayBeMissing("cellar", 7, 1, 9)]


def test_records_that_come_late_out_of_flash_are_not_lost_any_more(desk: Desk):
    desk.lives(1, 5)
    desk.lives(2, 1, before=[[1, 1, 7]])
    assert desk.store.lost() == {"cellar": 2}
    late = SealingMote(desk.fleet, "cellar", 2, random8=b"8 random")
    late.epoch = list(desk.store.epochs("cellar"))[-1].epoch if desk.store.epochs("cellar") else late.epoch
    late.sequence = 10
    for number in (6, 7):
        pack = record.pack_cbor("cellar/", None, f"1.1.{number}", [record.Reading("light", "lx", 1, None)])
        (seen,) = desk.take(on_clear("sealed/cellar/up", late.seal("up", pack)))
        assert isinstance(seen, RecordSeen)
        assert (seen.boot, seen.number) == (1, number)
    assert desk.store.lost() == {"cellar": 0}


def test_first_boot_says_nothing_and_one_that_is_not_the_first_does(desk: Desk):
    assert desk.lives(1, 1) == []
    kitchen = b'{"online": true, "boot": 3, "connection": 1}'
    events = desk.take(on_home("mote/kitchen/state", kitchen))
    assert events[1] == RecordsMayBeMissing("kitchen", 1, 0, 3)


def test_mote_that_was_provisioned_again_may_send_what_its_flash_kept_and_its_boots_are_not_compared(tmp_path: Path):
    desk = Desk(tmp_path)
    try:
        assert desk.lives(57, 5) == [RecordsMayBeMissing("cellar", 1, 0, 57)]
        again = desk.fleet.motes["cellar"]
        again.generation = 2
        members = list(members_of(desk.fleet))
        trusts = trusts_of(desk.fleet)
        care = KeyCare(trusts, desk.store, lambda *words: None)
        desk._intake = Intake(trusts, desk.store, Uplink(members, trusts), care, Refusals(desk.store))
        assert desk.lives(1, 1, generation=2) == [RecordsMayBeMissing("cellar", 57, 5, 1)]
        mote = SealingMote(desk.fleet, "cellar", 2, 2)
        pack = record.pack_cbor("cellar/", None, "1.57.6", [record.Reading("light", "lx", 1, None)])
        (seen,) = desk.take(on_clear("sealed/cellar/up", mote.seal("up", pack)))
        assert (seen.boot, seen.number) == (57, 6)
    finally:
        desk.store.close()


def test_number_that_is_too_far_above_to_be_believed_is_told_and_not_lost(desk: Desk):
    desk.lives(1, 5)
    last = 5 + MOST_LOST + 1
    assert desk.lives(2, 1, before=[[1, 1, last]]) == [RecordsMayBeMissing("cellar", 1, 5, 2)]
    assert desk.store.lost() == {"cellar": 0}


def test_what_a_mote_says_of_its_boots_is_checked(desk: Desk):
    for wrong in (
        {"before": 1},
        {"before": [[1, 1]]},
        {"before": [[1, 1, -1]]},
        {"before": [[1, 1, True]]},
        {"before": [[256, 1, 1]]},
        {"before": [[1, 2**32, 1]]},
        {"before": [[1, 1, 1]] * 9},
        {"kept": [1, 1]},
        {"kept": "1.1.1"},
        {"record": -1},
        {"damaged": "no"},
    ):
        mote = SealingMote(desk.fleet, "cellar", 1, random8=b"8 random")
        mote.sequence = desk.boot = desk.boot + 1
        message = on_clear("sealed/cellar/state", mote.state(**wrong))
        (event,) = desk._intake.take([Delivery(message, 1.0)]).events
        assert isinstance(event, MessageRefused), wrong
        assert event.alert, cbor.encode(wrong)


def test_other_readings_under_an_identity_that_is_taken_are_refused_aloud_and_the_same_ones_are_not(desk: Desk):
    # The boot counter of a mote inside TLS went back, or there are two of it: nothing else would show that.
    def said(value: float, taken=None):
        readings = [record.Reading("light", "lx", value, None), record.Reading("door", None, True, None)]
        payload = record.pack_json("kitchen/", taken, "1.6.1", readings)
        delivery = Delivery(on_home("mote/kitchen/up", payload), 1800000000.0)
        return desk._intake.take([delivery]).events

    (seen,) = said(21.37)
    assert isinstance(seen, RecordSeen)
    assert said(21.37, taken=1800000000) == []  # sent again, once the time was known
    (refused,) = said(21.5)
    assert isinstance(refused, MessageRefused)
    assert refused.alert
    assert "other readings" in refused.why
    assert desk.store.records.highest("kitchen", 1, 6) == 1
