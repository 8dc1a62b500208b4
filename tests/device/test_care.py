"""The older root key is erased only once both ends have used the newest, and never by what the older one proves."""

from mote import care, protect, roots, sealed
from test_roots import FIRST, FLEET, SECOND, update, vault


def epoch(generation, boot):
    return sealed.make_epoch(generation, boot, b"8 random")


def proven(one):
    """The broker took a password, and a downlink verified."""
    one.accepted()
    one.down = 0
    assert one.proven


def test_older_root_stays_until_the_newest_is_proven_in_an_epoch_of_its_own():
    made = vault()
    keep = roots.Roots(made, 1)
    minder = care.Care(keep, FLEET, "cellar", True)
    one = protect.Sealed("cellar", "clear", FLEET, FIRST, epoch(1, 7), 7, False, 60000)
    proven(one)
    keep.accept(update(), FLEET, "cellar")
    minder.settle(one)
    assert roots.Roots(made, 1).older == FIRST, "what was proven is the older key itself"
    one.begin(epoch(2, 8), 8, keep.root, keep.older)
    minder.settle(one)
    assert roots.Roots(made, 1).older == FIRST
    proven(one)
    minder.settle(one)
    again = roots.Roots(made, 1)
    assert (again.generation, again.root, again.older) == (2, SECOND, None)
