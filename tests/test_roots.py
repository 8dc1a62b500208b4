"""Root keys over the air: only a true update is taken, and the power may go at any byte of any write."""

from harness import raises
from mote import epoch, roots, sealed
from mote.aead import AesCcm
from test_epoch import PowerCut, Vault, counter

FLEET = bytes(range(16))
FIRST = bytes(range(32))
SECOND = bytes(range(32, 64))
THIRD = bytes(range(64, 96))


def vault():
    made = Vault()
    made.kept["root"] = FIRST
    return made


def update(root=FIRST, generation=2, successor=SECOND, mote="cellar", fleet=FLEET, random8=b"8 random"):
    return roots.seal_update(root, fleet, mote, generation, successor, random8, AesCcm)


def test_key_that_came_by_cable_has_the_generation_of_the_settings():
    keep = roots.Roots(vault(), 7)
    assert (keep.generation, keep.root, keep.older) == (7, FIRST, None)


def test_no_key_is_no_root():
    assert roots.Roots(Vault(), 1).root is None
    for damaged in (b"", bytes(31), bytes(33), bytes(38), bytes(39), bytes(40)):
        made = Vault()
        made.kept["root"] = damaged
        assert roots.Roots(made, 1).root is None


def test_update_puts_the_new_key_in_force_and_keeps_the_old_one_until_it_is_retired():
    made = vault()
    keep = roots.Roots(made, 1)
    keep.accept(update(), FLEET, "cellar")
    for each in (keep, roots.Roots(made, 1)):
        assert (each.generation, each.root, each.older) == (2, SECOND, FIRST)
    keep.retire()
    for each in (keep, roots.Roots(made, 1)):
        assert (each.generation, each.root, each.older) == (2, SECOND, None)
    assert not any(FIRST in data for data in made.kept.values())


def test_keys_follow_each_other_in_alternating_slots():
    made = vault()
    keep = roots.Roots(made, 1)
    keep.accept(update(), FLEET, "cellar")
    keep.accept(update(SECOND, 3, THIRD), FLEET, "cellar")
    again = roots.Roots(made, 1)
    assert (again.generation, again.root, again.older) == (3, THIRD, SECOND)
    assert made.kept["root"] == roots.slot(1, 3, THIRD)


def test_slot_from_an_earlier_life_is_as_good_as_empty_whatever_its_generation():
    for stale in (2, 3, 4, 255):
        made = vault()
        made.kept["root2"] = roots.slot(1, stale, SECOND)
        made.kept["root"] = THIRD  # by cable, and nobody erased the other slot
        keep = roots.Roots(made, 3)
        assert (keep.generation, keep.root, keep.older) == (3, THIRD, None)
        raises(sealed.Refused, keep.accept, update(SECOND, 255), FLEET, "cellar")
        keep.accept(update(THIRD, 4, FIRST), FLEET, "cellar")
        assert made.kept["root2"] == roots.slot(3, 4, FIRST)
        again = roots.Roots(made, 3)
        assert (again.generation, again.root, again.older) == (4, FIRST, THIRD)


def test_slots_from_an_earlier_life_alone_are_no_root():
    made = Vault()
    made.kept["root"] = roots.slot(1, 3, THIRD)
    made.kept["root2"] = roots.slot(1, 2, SECOND)
    assert roots.Roots(made, 1).root == THIRD
    assert roots.Roots(made, 2).root is None
    assert roots.Roots(made, 3).root is None


def test_slot_of_another_form_is_no_root():
    good = roots.slot(1, 2, SECOND)
    made = vault()
    made.kept["root2"] = good
    assert roots.Roots(made, 1).root == SECOND
    bare = SECOND  # only the first slot takes a key as it came by cable
    not_newer = roots.slot(1, 1, SECOND)
    for other in [bare, not_newer, good[:-1], good + b"\0", bytes((1,)) + good[1:]]:
        made.kept["root2"] = other
        keep = roots.Roots(made, 1)
        assert (keep.generation, keep.root, keep.older) == (1, FIRST, None)
    for i in range(len(good) * 8):
        bad = bytearray(good)
        bad[i // 8] ^= 1 << i % 8
        made.kept["root2"] = bytes(bad)
        assert roots.Roots(made, 1).root == FIRST


def test_update_for_another_mote_fleet_key_or_generation_is_refused():
    made = vault()
    keep = roots.Roots(made, 1)
    for bad in (
        update(mote="attic"),
        update(fleet=bytes(16)),
        update(root=SECOND),
        update(generation=1),
        update(successor=bytes(31)),
        update(successor=bytes(33)),
        b"",
        bytes(129),
    ):
        raises(sealed.Refused, keep.accept, bad, FLEET, "cellar")
    keep.accept(update(), FLEET, "cellar")
    raises(sealed.Refused, keep.accept, update(), FLEET, "cellar")
    assert keep.root == SECOND


def test_changed_or_cut_update_is_refused_and_changes_nothing():
    made = vault()
    keep = roots.Roots(made, 1)
    good = update()
    for i in range(len(good) * 8):
        bad = bytearray(good)
        bad[i // 8] ^= 1 << i % 8
        raises(sealed.Refused, keep.accept, bytes(bad), FLEET, "cellar")
    for size in range(len(good)):
        raises(sealed.Refused, keep.accept, good[:size], FLEET, "cellar")
    assert made.kept == vault().kept
    keep.accept(good, FLEET, "cellar")


def test_key_that_cannot_be_read_back_is_not_used():
    made = vault()
    keep = roots.Roots(made, 1)
    made.loses = True
    raises(roots.RootError, keep.accept, update(), FLEET, "cellar")
    assert (keep.generation, keep.root, keep.older) == (1, FIRST, None)


def boot(made, seen):
    """Start as a mote does; no epoch may have been there before, whatever its random part."""
    keep = roots.Roots(made, 1)
    assert keep.root in (FIRST, SECOND)
    assert (keep.generation, keep.root) in ((1, FIRST), (2, SECOND))
    began = epoch.begin(made, keep.generation, b"always the same noise")
    assert began not in seen
    assert not seen or counter(began) > max([counter(each) for each in seen])
    seen.append(began)
    return keep


def test_power_cut_at_every_byte_of_every_write_of_a_rotation_neither_repeats_a_nonce_nor_bricks():
    tried = 0
    for erases in (False, True):
        for write in range(4):
            for cut in range(roots.SIZE + 1):
                made = CountingVault(write, cut)
                made.erases = erases
                seen = []
                try:
                    keep = boot(made, seen)  # write 0: a counter
                    keep.accept(update(), FLEET, "cellar")  # write 1: the root key
                    seen.append(epoch.begin(made, keep.generation, b"always the same noise"))  # write 2: a counter
                    keep.retire()  # write 3
                except PowerCut:
                    tried += 1
                for _ in range(3):
                    keep = boot(made, seen)
                if keep.root == FIRST:
                    keep.accept(update(), FLEET, "cellar")  # it comes again
                keep = boot(made, seen)
                assert keep.root == SECOND
    assert tried == 2 * 4 * (roots.SIZE + 1)


def test_power_cut_in_the_second_rotation_leaves_the_key_of_the_first():
    for erases in (False, True):
        for cut in range(roots.SIZE + 1):
            made = vault()
            keep = roots.Roots(made, 1)
            keep.accept(update(), FLEET, "cellar")
            keep.retire()
            made.erases = erases
            made.cut = cut
            raises(PowerCut, keep.accept, update(SECOND, 3, THIRD), FLEET, "cellar")
            again = roots.Roots(made, 1)
            assert (again.generation, again.root) == ((3, THIRD) if cut == roots.SIZE else (2, SECOND))


class CountingVault(Vault):
    """A vault whose write numbered `write` stops after `cut` bytes."""

    def __init__(self, write, cut):
        super().__init__()
        self.kept["root"] = FIRST
        self._write = write
        self._cut = cut

    def put(self, name, data):
        if self._write == 0:
            self.cut = self._cut
        self._write -= 1
        super().put(name, data)
