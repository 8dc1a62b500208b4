"""Freshness: sequence windows, epochs, wills (docs/PROTOCOL.md). Only what verifies may change anything."""

import pytest
from gateway_motes import SealingMote, a_fleet, on_clear, trusts_of
from ironmote.gateway.members import members_of
from ironmote.gateway.trust import EPOCHS_KEPT, Cloned
from ironmote.gateway.uplink import AlreadyTaken, NotBelieved, Uplink
from mote import sealed


def bench():
    fleet = a_fleet()
    return fleet, trusts_of(fleet)["cellar"]


def test_replay_refused():
    fleet, trust = bench()
    message = SealingMote(fleet, "cellar").up()
    trust.open("up", message)
    with pytest.raises(sealed.Replayed):
        trust.open("up", message)


def test_out_of_order_within_the_window_taken_once():
    fleet, trust = bench()
    mote = SealingMote(fleet, "cellar")
    messages = [mote.up() for _ in range(64)]
    for message in reversed(messages):
        trust.open("up", message)
    for message in messages:
        with pytest.raises(sealed.Replayed):
            trust.open("up", message)


def test_older_than_the_window_refused():
    fleet, trust = bench()
    mote = SealingMote(fleet, "cellar")
    old = mote.up()
    mote.sequence = 64
    trust.open("up", mote.up())
    with pytest.raises(sealed.Replayed):
        trust.open("up", old)


def test_gap_is_normal():
    fleet, trust = bench()
    mote = SealingMote(fleet, "cellar")
    trust.open("up", mote.up())
    mote.sequence = 2**40 - 1
    assert trust.open("up", mote.up()).sequence == 2**40 - 1


def test_queued_messages_of_an_earlier_boot_still_count():
    fleet, trust = bench()
    first = SealingMote(fleet, "cellar", boot=1)
    trust.open("up", first.up())
    queued = first.up()
    trust.open("up", SealingMote(fleet, "cellar", boot=2).up())
    opened = trust.open("up", queued)
    assert not opened.newest
    with pytest.raises(sealed.Replayed):
        trust.open("up", queued)


def test_never_seen_older_epoch_refused():
    fleet, trust = bench()
    trust.open("up", SealingMote(fleet, "cellar", boot=7).up())
    with pytest.raises(sealed.Refused, match="boot 6"):
        trust.open("up", SealingMote(fleet, "cellar", boot=6).up())


def test_epoch_that_fell_out_of_memory_refused():
    fleet, trust = bench()
    motes = [SealingMote(fleet, "cellar", boot=boot) for boot in range(1, EPOCHS_KEPT + 2)]
    for mote in motes:
        trust.open("up", mote.up())
    assert len(trust.epochs) == EPOCHS_KEPT
    with pytest.raises(sealed.Refused):
        trust.open("up", motes[0].up())
    trust.open("up", motes[1].up())


def test_clone_refused_and_told_to_the_owner():
    fleet, trust = bench()
    trust.open("up", SealingMote(fleet, "cellar", boot=3).up())
    with pytest.raises(Cloned, match="copied or set back"):
        trust.open("up", SealingMote(fleet, "cellar", boot=3).up())


def test_forged_claim_of_a_clone_raises_no_alert():
    fleet, trust = bench()
    trust.open("up", SealingMote(fleet, "cellar", boot=3).up())
    forged = bytearray(SealingMote(fleet, "cellar", boot=3).up())
    forged[-1] ^= 1
    with pytest.raises(sealed.Refused) as caught:
        trust.open("up", bytes(forged))
    assert not isinstance(caught.value, Cloned)


def test_forged_epoch_is_not_remembered():
    fleet, trust = bench()
    mote = SealingMote(fleet, "cellar", boot=1)
    trust.open("up", mote.up())
    forged = bytearray(SealingMote(fleet, "cellar", boot=2**32 - 1).up())
    forged[-1] ^= 1
    with pytest.raises(sealed.Refused):
        trust.open("up", bytes(forged))
    assert trust.newest is not None
    assert trust.newest.boot == 1
    trust.open("up", mote.up())


def test_forged_sequence_does_not_move_the_window():
    fleet, trust = bench()
    mote = SealingMote(fleet, "cellar")
    trust.open("up", mote.up())
    far = SealingMote(fleet, "cellar")
    far.epoch, far.sequence, far.key = mote.epoch, 10_000, bytes(32)
    with pytest.raises(sealed.Refused):
        trust.open("up", far.up())
    assert trust.open("up", mote.up()).sequence == 1


def test_will_taken_once_a_connection():
    fleet, trust = bench()
    mote = SealingMote(fleet, "cellar")
    trust.open("up", mote.up())
    will = mote.will()
    assert trust.open("state", will).is_will
    with pytest.raises(sealed.Replayed):
        trust.open("state", will)
    mote.connection = 2
    trust.open("state", mote.will())


def test_will_and_status_cannot_change_places():
    fleet = a_fleet()
    uplink = Uplink(members_of(fleet), trusts_of(fleet))
    mote = SealingMote(fleet, "cellar")
    with pytest.raises(NotBelieved):
        uplink.take(on_clear("sealed/cellar/state", mote.state(online=False)))


def test_what_the_broker_delivers_again_is_no_attack():
    fleet = a_fleet()
    uplink = Uplink(members_of(fleet), trusts_of(fleet))
    message = SealingMote(fleet, "cellar").up()
    uplink.take(on_clear("sealed/cellar/up", message))
    with pytest.raises(AlreadyTaken):
        uplink.take(on_clear("sealed/cellar/up", message, redelivered=True))
    with pytest.raises(NotBelieved):
        uplink.take(on_clear("sealed/cellar/up", message))
