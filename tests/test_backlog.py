"""The backlog: what is in flash comes back whole, once for each start, or is dropped, counted and said."""

import binascii
import io
import struct

from mote import backlog, parcel
from mote.backlog import Backlog
from mote.record import Reading

_ENOENT = 2
_EIO = 5
_ENOSPC = 28


class Disk:
    """What mote.store does, in memory. `room` bytes, and an error number for every write where `broken` is set."""

    def __init__(self, room=1 << 20):
        self.files = {}
        self.room = room
        self.broken = None
        self.writes = 0
        self.starves_at = ()  # which writes find no memory

    def reader(self, path):
        if path not in self.files:
            raise OSError(_ENOENT, "none")
        return io.BytesIO(self.files[path])

    def size(self, path):
        if path not in self.files:
            raise OSError(_ENOENT, "none")
        return len(self.files[path])

    def names(self, folder):
        return [path[len(folder) + 1 :] for path in self.files if path.startswith(folder + "/")]

    def make_folder(self, path):
        pass

    def remove(self, path):
        if path not in self.files:
            raise OSError(_ENOENT, "none")
        del self.files[path]

    def write_pieces(self, path, pieces):
        data = b"".join(list(pieces))
        self.writes += 1
        if self.writes in self.starves_at:
            raise MemoryError
        if self.broken is not None:
            raise OSError(self.broken, "broken")
        if sum(map(len, self.files.values())) + len(data) > self.room:
            raise OSError(_ENOSPC, "full")
        self.files[path] = data


def on(disk, work):
    """Run `work` with `disk` in the place of the board's file system."""
    real = backlog.store
    backlog.store = disk
    try:
        return work()
    finally:
        backlog.store = real


def start(limit=1 << 16, owner=b"fleet" + b"cellar"):
    """A backlog as it is after a start, and what it says."""
    said = []
    made = Backlog("/backlog", limit, owner, lambda *words: said.append(words))
    made.said = said
    return made


def parcels(first, last, ms=0, width=1):
    readings = [Reading("temperature", "Cel", 20, None)] * width
    return [parcel.pack((1, 7, number), None, ms, readings) for number in range(first, last + 1)]


def drain(found, most=1 << 20):
    """Take and acknowledge records one by one, at most so many; return their numbers."""
    numbers = []
    while len(numbers) < most:
        data = found.peek()
        if data is None:
            return numbers
        numbers.append(parcel.identity(data)[2])
        found.acknowledged(found.advance(data)[0])
    return numbers


def test_records_come_back_in_order_and_their_segments_go():
    disk = Disk()

    def work():
        one = start()
        assert one.append(parcels(1, 5), False) == 5
        assert one.append(parcels(6, 200), False) == 195
        assert len(one) > 1
        assert one.last() == (1, 7, 200)
        assert drain(one) == list(range(1, 201))
        assert (len(one), one.peek(), one.last(), disk.files) == (0, None, None, {})

    on(disk, work)


def test_records_outlive_the_start_that_took_them_and_numbers_of_segments_go_on():
    disk = Disk()

    def work():
        assert start().append(parcels(1, 100), False) == 100
        two = start()
        assert two.append(parcels(101, 110), False) == 10
        assert drain(start()) == list(range(1, 111))

    on(disk, work)


def test_small_segments_become_one_and_none_is_larger_than_a_block_of_flash():
    disk = Disk()

    def work():
        one = start()
        for number in range(1, 301):
            assert one.append(parcels(number, number), False) == 1
        assert max(map(len, disk.files.values())) <= 4096
        assert len(disk.files) <= 1 + sum(map(len, disk.files.values())) // 3900
        assert drain(one) == list(range(1, 301))

    on(disk, work)


def test_crash_after_the_acknowledgement_and_before_the_segment_goes_repeats_it_and_loses_nothing():
    disk = Disk()

    def work():
        start().append(parcels(1, 30), False)
        assert drain(start(), 29) == list(range(1, 30))
        assert drain(start()) == list(range(1, 31))
        start().append(parcels(1, 30), False)
        before = dict(disk.files)
        drain(start())
        disk.files = before
        assert drain(start()) == list(range(1, 31))

    on(disk, work)


def test_crash_between_a_merged_segment_and_the_end_of_the_one_in_it_repeats_and_loses_nothing():
    disk = Disk()

    def work():
        one = start()
        one.append(parcels(1, 10), False)
        before = dict(disk.files)
        one.append(parcels(11, 12), False)
        disk.files.update(before)
        assert sorted(set(drain(start()))) == list(range(1, 13))

    on(disk, work)


def test_segment_cut_or_changed_anywhere_is_dropped_counted_and_said_and_the_others_stay():
    disk = Disk()

    def work():
        start().append(parcels(1, 3), False)
        (path,) = disk.files
        whole = disk.files[path]
        bad = [whole[:size] for size in range(len(whole))] + [whole + b"\0"]
        for i in range(len(whole)):
            changed = bytearray(whole)
            changed[i] ^= 1 << i % 8
            bad.append(bytes(changed))
        for each in bad:
            disk.files = {path: each}
            one = start()
            assert one.last() is None
            one.append(parcels(4, 5), False)
            assert drain(one) == [4, 5]
            assert one.damaged == 1
            assert one.said == [("backlog", "dropped a segment that is damaged, or not of this mote")]
            assert disk.files == {}

    on(disk, work)


def test_segment_of_another_mote_or_fleet_is_not_sent():
    disk = Disk()

    def work():
        start().append(parcels(1, 3), False)
        other = start(owner=b"fleet" + b"attic")
        assert drain(other) == []
        assert (other.damaged, disk.files) == (1, {})

    on(disk, work)


def test_what_a_power_cut_left_unfinished_is_removed_at_the_start():
    disk = Disk()
    disk.files = {"/backlog/00000003.part": b"half", "/backlog/readme": b"not ours"}

    def work():
        assert drain(start()) == []
        assert sorted(disk.files) == ["/backlog/readme"]

    on(disk, work)


def test_limit_drops_the_oldest_segments_and_counts_their_records():
    for limit, most_left in ((1500, 1), (4096, 40), (8192, 120)):
        disk = Disk()

        def work(limit=limit, most_left=most_left, disk=disk):
            one = start(limit=limit)
            for number in range(1, 401, 10):
                assert one.append(parcels(number, number + 9), True) == 10
                assert sum(map(len, disk.files.values())) <= limit
            left = drain(one)
            assert left == list(range(401 - len(left), 401))
            assert len(left) >= most_left
            assert one.dropped == 400 - len(left)

        on(disk, work)


def test_largest_parcel_fits_into_a_segment():
    disk = Disk()

    def work():
        one = start(limit=4096)
        large = [parcel.pack((1, 7, number), None, 0, [Reading("n" * 300, None, 1, None)] * 4) for number in (1, 2, 3)]
        assert 1200 < len(large[0]) < 1400
        assert one.append(large, False) == 3
        assert drain(one) == [1, 2, 3]

    on(disk, work)


def test_limit_holds_where_nothing_is_to_be_dropped_and_is_used_to_the_end():
    disk = Disk()

    def work():
        one = start(limit=8192)
        took = sum(one.append(parcels(number, number + 9), False) for number in range(1, 401, 10))
        used = sum(map(len, disk.files.values()))
        assert 8192 - 100 < used <= 8192
        writes = disk.writes
        assert one.append(parcels(401, 401), False) == 0
        assert disk.writes == writes
        assert (one.dropped, len(drain(one))) == (0, took)

    on(disk, work)


def test_disk_that_is_full_drops_the_oldest_or_takes_no_more_by_what_is_asked():
    for evict in (False, True):
        disk = Disk(room=9000)

        def work(evict=evict, disk=disk):
            one = start()
            took = sum(one.append(parcels(number, number + 9), evict) for number in range(1, 401, 10))
            assert one.failed != evict
            left = drain(one)
            if evict:
                assert (took, left[-1], one.dropped) == (400, 400, 400 - len(left))
            else:
                assert (left, one.dropped) == (list(range(1, took + 1)), 0)

        on(disk, work)


def test_disk_that_fails_keeps_what_it_has_and_says_so():
    disk = Disk()

    def work():
        one = start()
        one.append(parcels(1, 10), True)
        disk.broken = _EIO
        assert one.append(parcels(11, 12), True) == 0
        assert one.failed
        assert "cannot be written" in one.said[0][1]
        disk.broken = None
        assert one.append(parcels(11, 12), True) == 2
        assert drain(one) == list(range(1, 13))
        assert one.dropped == 0

    on(disk, work)


def test_segment_that_is_being_read_is_neither_dropped_nor_written_into():
    disk = Disk()

    def work():
        one = start(limit=4096)
        one.append(parcels(1, 40), False)
        data = one.peek()
        number = one.advance(data)[0]
        held = int.from_bytes(disk.files["/backlog/%08x" % number][3:5], "big")
        assert 1 < held < 40
        one.append(parcels(41, 200), True)
        assert one.dropped > 0
        one.acknowledged(number)
        left = drain(one)
        assert left[: held - 1] == list(range(2, held + 1))
        assert len(left) == 199 - one.dropped

    on(disk, work)


def test_next_segment_waits_for_the_last_acknowledgement_of_the_one_before():
    disk = Disk()

    def work():
        one = start()
        one.append(parcels(1, 120), False)
        held = []
        while one.peek() is not None:
            held.append(one.advance(one.peek())[0])
        assert len(set(held)) == 1
        assert 1 < len(held) < 120
        for number in held:
            assert one.peek() is None
            one.acknowledged(number)
        assert parcel.identity(one.peek())[2] == len(held) + 1

    on(disk, work)


def test_time_since_the_start_is_of_no_use_after_the_next_also_in_a_segment_that_was_merged():
    disk = Disk()

    def work():
        one = start()
        one.append(parcels(1, 1, ms=5000), False)
        assert one.advance(one.peek())[1]
        two = start()
        data = two.peek()
        assert not two.advance(data)[1]
        three = start()
        three.append(parcels(2, 2, ms=4000), False)
        first = three.peek()
        assert three.advance(first)[1]
        second = three.peek()
        assert parcel.taken(first, 1800000010, 9000) is None
        assert parcel.taken(second, 1800000010, 9000) == 1800000005

    on(disk, work)


def forged(count, body):
    """A segment with a CRC that is right, which anybody can make who can write files."""
    head = struct.pack(">2sBHI", b"mb", 1, count, len(body))
    crc = binascii.crc32(body, binascii.crc32(head, binascii.crc32(b"fleetcellar")))
    return head + body + struct.pack(">I", crc)


def test_forged_segment_is_dropped_before_its_lengths_are_believed():
    whole = parcels(1, 1)[0]
    good = struct.pack(">H", len(whole)) + whole
    for count, body in (
        (1, struct.pack(">H", 0xFFFF) + whole),  # takes memory that a board does not have
        (1, struct.pack(">H", 5) + bytes(5)),  # holds no identity
        (1, struct.pack(">H", 0)),
        (1, good + b"x"),
        (2, good),
        (0xFFFF, good),
        (1, good + good),
        (1, b"\0"),
        (0, b""),
    ):
        disk = Disk()
        disk.files["/backlog/00000003"] = forged(count, body)

        def work(disk=disk):
            made = start()
            assert made.last() is None
            assert made.append(parcels(2, 2), False) == 1
            assert drain(made) == [2]
            assert made.damaged == 1

        on(disk, work)
    disk.files["/backlog/00000003"] = forged(1, good)
    assert on(disk, lambda: drain(start())) == [1]


def test_segment_with_the_last_name_that_there_is_hides_none_that_follow():
    disk = Disk()
    whole = parcels(1, 1)[0]
    disk.files["/backlog/ffffffff"] = forged(1, struct.pack(">H", len(whole)) + whole)

    def work():
        assert start().append(parcels(2, 2), False) == 1
        assert drain(start()) == [2]

    on(disk, work)
    assert not disk.files


def test_flash_that_fails_while_the_newest_record_is_looked_for_stops_no_start():
    disk = Disk()

    def work():
        start().append(parcels(1, 1), False)
        made = start()
        reads = []
        whole = disk.reader

        def once(path):
            reads.append(path)
            if len(reads) > 1:
                raise OSError(_EIO, "broken")
            return whole(path)

        disk.reader = once
        assert made.last() is None
        disk.reader = whole
        assert drain(made) == [1]

    on(disk, work)


def test_memory_that_runs_out_between_two_segments_writes_nothing_twice():
    disk = Disk()
    found = on(disk, start)
    waiting = parcels(1, 200)
    disk.starves_at = (2, 4, 5)
    counts = []
    while waiting:
        count = on(disk, lambda: found.append(waiting, False))
        counts.append((count, found.failed))
        del waiting[:count]
        assert len(counts) < 20
    assert counts[0][0] > 0
    assert counts[0][1]
    assert not counts[-1][1]
    assert on(disk, lambda: drain(found)) == list(range(1, 201))
    assert found.dropped == 0
    assert not disk.files


def test_segment_that_cannot_be_removed_for_want_of_memory_comes_once_more_after_a_start_and_nothing_is_lost():
    disk = Disk()
    found = on(disk, start)
    on(disk, lambda: found.append(parcels(1, 3), False))
    remove = disk.remove

    def starves(path):
        disk.remove = remove
        raise MemoryError

    disk.remove = starves
    assert on(disk, lambda: found.append(parcels(4, 6), False)) == 3
    assert on(disk, lambda: found.append(parcels(7, 9), False)) == 3
    assert on(disk, lambda: drain(found)) == list(range(1, 10))
    assert on(disk, lambda: drain(start())) == [1, 2, 3]
