"""A real littlefs on a block device that loses its power after every number of writes: no epoch twice, no brick.

And no record lost that the backlog had said was in flash.
"""

import binascii
import os

from mote import cbor, epoch, lastgood, parcel, pins, record, roots, store, uptime, vault
from mote.actuators.kept import Kept
from mote.aead import AesCcm
from mote.backlog import Backlog

_BLOCK = 512
_BLOCKS = 48
_ERASE = 6
_GONE = -5  # EIO
FLEET = bytes(range(16))
FIRST = bytes(range(32))
SECOND = bytes(range(32, 64))


class PowerCut(Exception):
    """The power is gone."""


class Disk:
    """Flash in memory that takes `left` more writes, of the last of them only `torn` eighths, and then nothing."""

    def __init__(self, data, left=None, torn=8):
        self.data = bytearray(data)
        self.left = left
        self.torn = torn
        self.writes = 0
        self.dead = False

    def readblocks(self, block, buffer, offset=0):
        if self.dead:
            return _GONE  # without an allocation: a file that the cut left open is closed by the collector
        at = block * _BLOCK + offset
        buffer[:] = self.data[at : at + len(buffer)]
        return 0

    def writeblocks(self, block, buffer, offset=0):
        at = block * _BLOCK + offset
        size = self._allowed(len(buffer))
        for i in range(size):
            self.data[at + i] &= buffer[i]  # flash can clear bits, not set them
        return _GONE if self.dead else 0

    def ioctl(self, request, block):
        if request == 4:
            return _BLOCKS
        if request == 5:
            return _BLOCK
        if request == _ERASE:
            size = self._allowed(_BLOCK)
            for i in range(size):
                self.data[block * _BLOCK + i] = 0xFF
        return _GONE if self.dead else 0

    def _allowed(self, size):
        """Return how much of a write of `size` bytes reaches the flash; after the last one nothing does."""
        if self.left is None:
            self.writes += 1
            return size
        if self.left <= 0:
            self.dead = True
            return 0
        self.left -= 1
        return size if self.left else size * self.torn // 8


def mounted(disk, work, *words):
    """Run `work` with `words` and the file vault on `disk`; a write that fails is the loss of power."""
    os.mount(os.VfsLfs2(disk), "/secrets")
    try:
        return work(vault.FileVault(), *words)
    except (OSError, epoch.EpochError, roots.RootError):
        if disk.left is None:
            raise
        raise PowerCut
    finally:
        os.umount("/secrets")


def provisioned():
    disk = Disk(b"\xff" * (_BLOCK * _BLOCKS))
    os.VfsLfs2.mkfs(disk)

    def work(keep):
        keep.put("root", FIRST)
        keep.put("boot0", epoch.slot(1, 0))

    mounted(disk, work)
    return disk.data


def update():
    return roots.seal_update(FIRST, FLEET, "cellar", 2, SECOND, b"8 random", AesCcm)


def rotate(keep):
    """The update comes again."""
    roots.Roots(keep, 1).accept(update(), FLEET, "cellar")


def boot(keep, seen):
    """Start as a mote does; the noise is always the same, so only the counter can tell epochs apart."""
    held = roots.Roots(keep, 1)
    assert (held.generation, held.root) in ((1, FIRST), (2, SECOND))
    made = epoch.begin(keep, held.generation, b"always the same noise")
    assert made not in seen
    assert all(made[1:5] > each[1:5] for each in seen)
    seen.append(made)
    return held


def life(keep, seen):
    """Two boots, a rotation, an epoch begun in place, the old key erased, another boot."""
    boot(keep, seen)
    held = boot(keep, seen)
    held.accept(update(), FLEET, "cellar")
    seen.append(epoch.begin(keep, held.generation, b"always the same noise"))
    held.retire()
    boot(keep, seen)


def test_power_cut_after_every_number_of_writes():
    image = provisioned()
    whole = Disk(image)
    mounted(whole, life, [])
    assert whole.writes > 20
    for torn in (0, 3, 8):
        for left in range(1, whole.writes + 1):
            seen = []
            disk = Disk(image, left, torn)
            try:
                mounted(disk, life, seen)
            except PowerCut:
                pass
            after = Disk(disk.data)
            for _ in range(2):
                mounted(after, boot, seen)
            if mounted(after, boot, seen).root == FIRST:
                mounted(after, rotate)
            assert mounted(after, boot, seen).root == SECOND
    print("littlefs: %d writes, power cut after each" % whole.writes)


def append(kept, first, last):
    """Put records into flash; add to `kept` the numbers of those that are there when this returns."""
    readings = [record.Reading("t", None, 1, None)]
    parcels = [parcel.pack((1, 7, number), None, 0, readings) for number in range(first, last + 1)]
    backlog = Backlog("/flash/backlog", 9000, b"owner", lambda *words: None)
    kept += range(first, first + backlog.append(parcels, False))
    if backlog.failed:
        raise OSError(-_GONE)


def drain(kept, most):
    """Send and acknowledge at most so many records; take them out of `kept`, and return their numbers."""
    backlog = Backlog("/flash/backlog", 9000, b"owner", lambda *words: None)
    found = []
    while len(found) < most and backlog.peek():
        data = backlog.peek()
        number = parcel.identity(data)[2]
        found.append(number)
        backlog.acknowledged(backlog.advance(data)[0])
        if number in kept:
            kept.remove(number)
    assert backlog.damaged == 0 or most < 1000  # a read that the cut ended is not a damaged segment
    return found


def outage(kept):
    """Three spills, the second of which takes in the first, a part of it sent, another spill."""
    append(kept, 1, 12)
    append(kept, 13, 20)
    append(kept, 21, 130)
    drain(kept, 60)
    append(kept, 131, 140)


def flashed(disk, work, *words):
    os.mount(os.VfsLfs2(disk), "/flash")
    try:
        return work(*words)
    except OSError:
        if disk.left is None:
            raise
    finally:
        os.umount("/flash")


def test_power_cut_at_any_write_of_the_backlog_keeps_what_was_said_to_be_in_flash():
    empty = Disk(b"\xff" * (_BLOCK * _BLOCKS))
    os.VfsLfs2.mkfs(empty)
    whole = Disk(empty.data)
    flashed(whole, outage, [])
    assert whole.writes > 50
    for torn in (0, 3, 8):
        for left in range(1, whole.writes + 1):
            kept = []
            disk = Disk(empty.data, left, torn)
            flashed(disk, outage, kept)
            after = Disk(disk.data)
            found = flashed(after, drain, [], 1000)
            assert not [number for number in kept if number not in found], (left, torn, kept, found)
            assert flashed(after, drain, [], 1000) == []
    print("backlog: %d writes, power cut after each" % whole.writes)


def test_flash_that_is_full_keeps_what_it_has():
    small = Disk(b"\xff" * (_BLOCK * _BLOCKS))
    os.VfsLfs2.mkfs(small)

    def work():
        said = []
        backlog = Backlog("/flash/backlog", 1 << 20, b"owner", lambda *words: said.append(words))
        readings = [record.Reading("temperature", None, 1, None)]
        parcels = [parcel.pack((1, 7, number), None, 0, readings) for number in range(1, 2001)]
        took = backlog.append(parcels, False)
        assert 0 < took < 2000
        assert backlog.failed and said
        while backlog.peek():
            backlog.acknowledged(backlog.advance(backlog.peek())[0])
            took -= 1
        assert took == 0
        took = backlog.append(parcels, True)  # the oldest go, and the newest are there
        assert (took, backlog.last()) == (2000, (1, 7, 2000))
        assert backlog.dropped > 0

    flashed(small, work)


def switched(done):
    """Switch a pump and a lamp that are kept; `done` gets each state that was there when the call returned."""
    now = [0]
    states = Kept(1, lambda: now[0], lambda *words: done.append(None), "/flash")
    for pump, lamp in SWITCHES:
        now[0] += 10_000
        states.put("pump", pump)
        now[0] += 10_000
        states.put("lamp", lamp)
        done.append((pump, lamp))


SWITCHES = [(1, 40), (1, 60.5), (None, 60.5), (1, None), (None, None), (1, 20)]


def started():
    states = Kept(1, uptime.ms, lambda *words: None, "/flash")
    return states.get("pump"), states.get("lamp")


def test_power_cut_at_any_write_of_kept_states_leaves_the_last_the_one_before_or_all_safe():
    empty = Disk(b"\xff" * (_BLOCK * _BLOCKS))
    os.VfsLfs2.mkfs(empty)
    whole = Disk(empty.data)
    flashed(whole, switched, [])
    assert flashed(Disk(whole.data), started) == SWITCHES[-1]
    found = []
    for torn in (0, 3, 8):
        for left in range(1, whole.writes + 1):
            done = []
            disk = Disk(empty.data, left, torn)
            flashed(disk, switched, done)
            # The cut was in the switch that was not done; where the flash failed, `None` was said of it instead.
            count = len([each for each in done if each is not None])
            failed = done.index(None) if None in done else count
            before = SWITCHES[failed - 1] if failed else (None, None)
            after = SWITCHES[min(failed, len(SWITCHES) - 1)]
            kept = flashed(Disk(disk.data), started)
            assert kept in (before, (after[0], before[1]), after, (None, None)), (left, torn, done, kept)
            found.append(kept)
    assert set(found) > {(1, 40), (None, 60.5)}
    print("kept states: %d writes, power cut after each" % whole.writes)


FIRST_SETTINGS = cbor.encode({"mote": "cellar", "fleet": b"8 bytes!", "board": "esp32", "generation": 1, "outbox": 4})
NEXT_SETTINGS = cbor.encode({"mote": "cellar", "fleet": b"8 bytes!", "board": "esp32", "generation": 1, "outbox": 5})


def change(names):
    """Other settings come, and work; then others that do not, and the mote goes back."""
    store.write(names[0], NEXT_SETTINGS)
    lastgood.LastGood().remember(names[0], binascii.crc32(NEXT_SETTINGS))
    lastgood.LastGood().give_up(7, "why")


def test_power_cut_at_any_write_of_the_settings_that_worked_leaves_the_ones_before_or_these():
    names = "/flash/settings.cbor", "/flash/settings.last", "/flash/pins"
    before = lastgood.PATH, pins.PATH
    lastgood.PATH, pins.PATH = names[1:]
    try:
        empty = Disk(b"\xff" * (_BLOCK * _BLOCKS))
        os.VfsLfs2.mkfs(empty)

        def first():
            store.write(pins.PATH, pins.pack([(5, 0, 0)]))
            store.write(names[0], FIRST_SETTINGS)
            lastgood.LastGood().remember(names[0], binascii.crc32(FIRST_SETTINGS))

        flashed(empty, first)
        whole = Disk(empty.data)
        flashed(whole, change, names)
        assert whole.writes > 10
        found = set()
        for torn in (0, 3, 8):
            for left in range(1, whole.writes + 1):
                disk = Disk(empty.data, left, torn)
                flashed(disk, change, names)

                def look():
                    last = lastgood.LastGood()
                    settings = store.read(names[0], 4096)
                    found.add((settings == NEXT_SETTINGS, last.back(settings)["outbox"], last.given_up))
                    assert pins.parse(store.read(pins.PATH, 64)) == [(5, 0, 0)]

                flashed(Disk(disk.data), look)
        assert found == {(False, 4, 0), (True, 4, 0), (True, 5, 0), (True, 5, 7)}
        print("last settings: %d writes, power cut after each" % whole.writes)
    finally:
        lastgood.PATH, pins.PATH = before
