"""The boot counter: whatever instant the power goes at, no epoch comes twice and no mote is bricked."""

from harness import raises
from mote import epoch


class PowerCut(Exception):
    """The board lost its power in the middle of a write."""


class Vault:
    """A vault whose next write can stop after `cut` bytes, leaving the rest of the slot as it was or erased."""

    def __init__(self):
        self.kept = {"boot0": epoch.slot(1, 0)}
        self.cut = None
        self.erases = False
        self.loses = False

    def get(self, name, limit):
        data = self.kept.get(name)
        if data is not None and len(data) > limit:
            raise ValueError("too large")
        return data

    def put(self, name, data):
        if self.loses:
            return
        if self.cut is not None:
            cut, self.cut = self.cut, None
            old = b"" if self.erases else self.kept.get(name, b"")
            self.kept[name] = data[:cut] + old[cut:]
            raise PowerCut
        self.kept[name] = data


def counter(made):
    return int.from_bytes(made[1:5], "big")


def test_counter_rises_by_one_each_boot_in_alternating_slots():
    vault = Vault()
    seen = [counter(epoch.begin(vault, 1, b"x")) for _ in range(6)]
    assert seen == [1, 2, 3, 4, 5, 6]
    assert sorted(vault.kept) == ["boot0", "boot1"]


def test_same_counter_with_other_entropy_is_another_epoch():
    assert epoch.begin(Vault(), 1, b"one") != epoch.begin(Vault(), 1, b"two")


def test_power_cut_at_every_byte_of_every_write_neither_repeats_an_epoch_nor_bricks():
    for erases in (False, True):
        for before in range(4):
            for cut in range(11):
                vault = Vault()
                vault.erases = erases
                seen = [epoch.begin(vault, 1, bytes((i,))) for i in range(before)]
                vault.cut = cut
                raises(PowerCut, epoch.begin, vault, 1, b"cut")
                for i in range(3):
                    made = epoch.begin(vault, 1, bytes((100 + i,)))
                    assert made not in seen, (erases, before, cut)
                    assert not seen or counter(made) > counter(seen[-1])
                    seen.append(made)


def test_write_that_is_lost_seals_nothing():
    vault = Vault()
    vault.loses = True
    raises(epoch.EpochError, epoch.begin, vault, 1, b"x")


def test_no_valid_slot_stops_the_mote():
    vault = Vault()
    for kept in ({}, {"boot0": b""}, {"boot0": bytes(10)}, {"boot0": bytes(11), "boot1": b"\xff" * 10}):
        vault.kept = kept
        raises(epoch.EpochError, epoch.begin, vault, 1, b"x")


def test_counter_goes_on_over_generations():
    vault = Vault()
    vault.kept = {"boot0": epoch.slot(1, 6), "boot1": epoch.slot(1, 5)}
    assert epoch.begin(vault, 2, b"x")[:5] == b"\x02\x00\x00\x00\x07"
    assert epoch.begin(vault, 2, b"x")[:5] == b"\x02\x00\x00\x00\x08"
    for made, last in (
        (b"\x02\x00\x00\x00\x08", True),
        (b"\x02\x00\x00\x00\x07", False),
        (b"\x01\x00\x00\x00\x08", False),
    ):
        assert epoch.is_last(vault, made + bytes(8)) == last
    assert vault.kept == {"boot0": epoch.slot(2, 8), "boot1": epoch.slot(2, 7)}


def test_flipped_bit_in_a_slot_makes_it_invalid():
    good = epoch.slot(1, 7)
    for i in range(len(good) * 8):
        bad = bytearray(good)
        bad[i // 8] ^= 1 << i % 8
        vault = Vault()
        vault.kept = {"boot0": bytes(bad)}
        raises(epoch.EpochError, epoch.begin, vault, 1, b"x")


def test_spent_counter_stops_the_mote():
    vault = Vault()
    vault.kept = {"boot0": epoch.slot(1, 0xFFFFFFFF)}
    raises(epoch.EpochError, epoch.begin, vault, 1, b"x")
