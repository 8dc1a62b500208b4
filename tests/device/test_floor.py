"""The floor of time: it rises by what was proven, is saved seldom, and outlives a power cut at any byte."""

from mote import epoch
from mote.floor import Floor

DAY = 86400
BEGIN = 1760000000


class Vault:
    """A vault that counts its writes; `cut` is how many bytes of the next write reach the flash, or None."""

    def __init__(self):
        self.kept = {}
        self.writes = 0
        self.cut = None

    def get(self, name, limit):
        data = self.kept.get(name)
        if data is not None and len(data) > limit:
            raise ValueError
        return data

    def put(self, name, data):
        self.writes += 1
        self.kept[name] = data if self.cut is None else data[: self.cut]
        if self.cut is not None:
            raise OSError(5)


def test_floor_is_that_of_the_settings_where_nothing_is_saved():
    assert Floor(Vault(), 1, BEGIN).seconds == BEGIN


def test_floor_that_rose_is_there_after_a_reboot():
    vault = Vault()
    for day in range(1, 6):
        Floor(vault, 1, BEGIN).rise(BEGIN + day * DAY)
        assert Floor(vault, 1, BEGIN).seconds == BEGIN + day * DAY


def test_floor_never_falls():
    vault = Vault()
    floor = Floor(vault, 1, BEGIN)
    floor.rise(BEGIN + 9 * DAY)
    for seconds in (0, BEGIN, BEGIN + 8 * DAY):
        floor.rise(seconds)
        assert floor.seconds == Floor(vault, 1, BEGIN).seconds == BEGIN + 9 * DAY


def test_flash_is_written_once_for_each_day_at_most():
    vault = Vault()
    floor = Floor(vault, 1, BEGIN)
    for seconds in range(BEGIN, BEGIN + 3 * DAY + 1, 60):
        floor.rise(seconds)
    assert vault.writes == 3


def test_power_cut_at_any_byte_leaves_the_floor_before():
    for cut in range(epoch.SLOT_SIZE):
        vault = Vault()
        Floor(vault, 1, BEGIN).rise(BEGIN + 2 * DAY)
        Floor(vault, 1, BEGIN).rise(BEGIN + 4 * DAY)
        vault.cut = cut
        floor = Floor(vault, 1, BEGIN)
        floor.rise(BEGIN + 6 * DAY)
        assert floor.seconds == BEGIN + 6 * DAY, "it holds until the power is gone"
        assert Floor(vault, 1, BEGIN).seconds == BEGIN + 4 * DAY


def test_damaged_slot_counts_as_none():
    vault = Vault()
    Floor(vault, 1, BEGIN).rise(BEGIN + 2 * DAY)
    (name,) = vault.kept
    good = vault.kept[name]
    for i in range(len(good)):
        vault.kept[name] = good[:i] + bytes((good[i] ^ 1,)) + good[i + 1 :]
        assert Floor(vault, 1, BEGIN).seconds == BEGIN


def test_mote_that_is_provisioned_again_begins_at_its_new_floor():
    vault = Vault()
    Floor(vault, 1, BEGIN).rise(BEGIN + 1000 * DAY)
    assert Floor(vault, 2, BEGIN + DAY).seconds == BEGIN + DAY
