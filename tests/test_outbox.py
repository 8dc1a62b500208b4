"""The outbox: nothing leaves before its PUBACK, records keep their identity, and what is dropped is counted."""

from mote import parcel
from mote.outbox import Outbox
from mote.record import Reading

ROOMY = 64


class Flash:
    """A backlog in memory that takes `room` records and gives them back one by one."""

    def __init__(self, room):
        self.room = room
        self.kept = []
        self.out = 0
        self.failed = False
        self.dropped = 0
        self.damaged = 0
        self.appended = 0

    def __len__(self):
        return len(self.kept) + self.out

    def append(self, parcels, evict):
        self.appended += 1
        while evict and self.kept and len(self.kept) + len(parcels) > self.room:
            del self.kept[0]
            self.dropped += 1
        count = min(len(parcels), self.room - len(self.kept))
        self.kept += parcels[:count]
        return count

    def peek(self):
        return self.kept[0] if self.kept else None

    def advance(self, data):
        del self.kept[0]
        self.out += 1
        return 7, True

    def acknowledged(self, number):
        assert number == 7
        self.out -= 1


class Bench:
    """An outbox whose payloads are `<how often made>:<number>`, and what it said."""

    def __init__(self, size=8, window=2, backlog=None, newest=False, keep_ms=0, limit=ROOMY):
        self.said = []
        self.made = 0
        self.bad = ()
        self.number = 0
        self.box = Outbox(size, window, limit, b"up", self.make, backlog, newest, keep_ms, self.say)

    def say(self, *words):
        self.said.append(words)

    def make(self, data, since):
        number = parcel.identity(data)[2]
        if number in self.bad:
            raise ValueError
        self.made += 1
        return b"%d:%d" % (self.made, number)

    def take(self, count, ms=0):
        for _ in range(count):
            self.number += 1
            self.box.take(parcel.pack((1, 7, self.number), None, ms, [Reading("t", None, 1, None)]), ms)

    def send(self):
        entry = self.box.due()
        if entry is not None:
            self.box.number(entry)
            self.box.sent(entry)
        return entry

    def drain(self):
        """Send and acknowledge all there is; return the numbers of the records."""
        found = []
        while True:
            entry = self.send()
            if entry is None:
                return found
            self.box.acknowledged(entry.packet_id)
            if entry.parcel is not None:
                found.append(parcel.identity(entry.parcel)[2])


def test_window_bounds_what_is_in_flight():
    bench = Bench(8, 3)
    bench.take(5)
    sent = [bench.send() for _ in range(4)]
    assert [entry.payload for entry in sent[:3]] == [b"1:1", b"2:2", b"3:3"]
    assert sent[3] is None


def test_acknowledged_message_leaves_and_makes_room_in_the_window():
    bench = Bench(8, 1)
    bench.take(2)
    first = bench.send()
    assert bench.box.due() is None
    assert bench.box.acknowledged(first.packet_id)
    assert bench.box.due().payload == b"2:2"


def test_wrong_packet_id_acknowledges_nothing():
    bench = Bench()
    bench.take(1)
    entry = bench.send()
    assert not bench.box.acknowledged(entry.packet_id + 1)
    assert len(bench.box) == 1


def test_full_outbox_drops_the_oldest_that_waits_and_counts_it():
    bench = Bench(3, 1)
    bench.take(1)
    bench.send()
    bench.take(4)
    assert bench.box.dropped == 1
    bench.box.disconnected()
    assert bench.drain() == [1, 3, 4, 5]
    assert bench.said == [("outbox", "dropped", 1, "so far, now 1.7.2:", "no room")]


def test_full_outbox_drops_the_newest_where_it_is_told_so():
    bench = Bench(3, 1, newest=True)
    bench.take(5)
    assert bench.box.dropped == 2
    assert bench.drain() == [1, 2, 3]


def test_bytes_bound_what_is_in_memory_too():
    bench = Bench(4, 1, limit=600)
    wide = [Reading("n" * 32, "Cel", 1, None)] * 10
    for number in range(1, 5):
        bench.box.take(parcel.pack((1, 7, number), None, 0, wide), 0)
    assert bench.box.dropped == 3
    assert bench.drain() == [4]


def test_record_is_made_when_it_enters_the_window_and_not_before():
    bench = Bench(8, 2)
    bench.take(5)
    assert bench.made == 0
    bench.send()
    assert bench.made == 1


def test_reconnection_sends_the_same_bytes_under_the_same_id_in_order():
    bench = Bench(8, 2)
    bench.take(3)
    before = [(entry.packet_id, entry.payload) for entry in (bench.send(), bench.send())]
    bench.box.disconnected()
    after = [(entry.packet_id, entry.payload) for entry in (bench.send(), bench.send())]
    assert before == after
    assert bench.made == 2


def test_record_that_outlived_some_connections_is_sealed_anew_before_a_gateway_would_find_it_too_old():
    bench = Bench(8, 2)
    bench.take(1)
    old = bench.send()
    made = [old.payload]
    for _ in range(70):  # sessions that bring the broker new messages, and this one never gets its PUBACK
        bench.box.disconnected()
        entry = bench.send()
        assert entry.packet_id
        made.append(entry.payload)
    assert all(each.endswith(b":1") for each in made)
    assert len(set(made)) > 10  # no payload was kept for more than a few of them
    assert bench.drain() == []
    assert bench.box.acknowledged(entry.packet_id)
    assert bench.box.empty
    assert bench.box.dropped == 0


def test_message_that_waits_for_its_acknowledgement_longer_than_others_is_overdue():
    bench = Bench(8, 2)
    bench.take(2)
    first, second = bench.send(), bench.send()
    bench.box.sent(first, 1000)
    bench.box.sent(second, 2000)
    assert [bench.box.overdue(ms) for ms in (1000, 1001)] == [False, True]
    bench.box.acknowledged(first.packet_id)
    assert [bench.box.overdue(ms) for ms in (1001, 2001)] == [False, True]
    bench.box.disconnected()
    assert not bench.box.overdue(1 << 40)


def test_new_epoch_seals_anew_what_was_in_flight_and_the_old_acknowledgement_is_nobodys():
    bench = Bench(8, 2)
    bench.take(2)
    first, second = bench.send(), bench.send()
    old = first.packet_id
    assert (first.payload, second.payload) == (b"1:1", b"2:2")
    bench.box.renewed()
    assert not bench.box.acknowledged(old)
    assert bench.send().payload == b"3:1"
    assert bench.send().payload == b"4:2"
    assert first.packet_id not in (old, second.packet_id)


def test_packet_ids_wrap_past_65535_and_skip_zero_and_those_in_use():
    bench = Bench(8, 4)
    bench.box._last_id = 65534
    bench.take(3)
    assert [bench.send().packet_id for _ in range(3)] == [65535, 1, 2]
    bench.box._last_id = 65534
    bench.box.put(b"ack", b"x")
    assert bench.send().packet_id == 3


def test_id_for_something_else_is_none_that_waits_for_its_acknowledgement():
    bench = Bench(8, 4)
    bench.take(3)
    waiting = [bench.send().packet_id for _ in range(3)]
    bench.box._last_id = waiting[0] - 1
    found = bench.box.next_id()
    assert found not in waiting and 0 < found < 65536
    assert bench.box.next_id() != found


def test_message_that_no_packet_can_hold_is_counted_and_never_in_the_way():
    bench = Bench(8, 1, limit=40)
    bench.box.take(parcel.pack((1, 7, 1), None, 0, [Reading("n" * 32, None, 1, None)]), 0)
    assert (len(bench.box), bench.box.dropped) == (0, 1)
    bench.box.put(b"ack", bytes(41))
    assert len(bench.box) == 0
    bench.number = 1
    bench.take(3)
    bench.bad = (2,)
    bench.box.drop(bench.box.due())
    assert bench.box.dropped == 3  # what no packet holds, what cannot be made, and 3, which the link took out
    assert bench.drain() == [4]


def test_record_stays_while_there_is_no_memory_to_make_it():
    bench = Bench()
    bench.take(2)
    make, bench.box._make = bench.box._make, lambda data, since: bytearray(1 << 62)
    for _ in range(3):
        try:
            bench.box.due()
            raise AssertionError("there was memory")
        except (MemoryError, OverflowError):
            pass
    bench.box._make = make
    assert bench.drain() == [1, 2]
    assert bench.box.dropped == 0


def test_notes_never_wait_behind_records_and_their_number_is_bounded():
    bench = Bench(8, 1, Flash(9))
    bench.take(8)
    bench.send()
    bench.box.put(b"ack", b"answer")
    assert bench.send().payload == b"answer"
    for i in range(20):
        bench.box.put(b"ack", b"%d" % i)
    assert [bench.send().payload for _ in range(7)] == [b"%d" % i for i in range(13, 20)]
    assert bench.send() is None
    assert bench.box.dropped == 0


def test_memory_that_is_full_goes_into_flash_and_comes_back():
    flash = Flash(100)
    bench = Bench(4, 2, flash)
    bench.take(11)
    assert flash.appended == 2
    assert len(bench.box) == 3
    assert not bench.box.empty
    assert sorted(bench.drain()) == list(range(1, 12))
    assert bench.box.empty
    assert bench.box.dropped == 0


def test_live_records_and_those_in_flash_take_turns():
    flash = Flash(100)
    bench = Bench(4, 1, flash)
    bench.take(11)
    assert bench.drain()[:6] == [9, 1, 10, 2, 11, 3]


def test_flash_that_is_full_drops_by_policy():
    bench = Bench(4, 2, Flash(6))
    bench.take(20)
    assert bench.box.dropped == 20 - len(bench.box) - len(bench.box._backlog)
    left = sorted(bench.drain())
    assert left == list(range(21 - len(left), 21))
    assert bench.box.dropped == 20 - len(left)
    bench = Bench(4, 2, Flash(6), newest=True)
    bench.take(20)
    assert bench.box.dropped == 10
    assert sorted(bench.drain()) == list(range(1, 11))


def test_flash_that_fails_costs_no_more_than_memory_can_hold_and_is_asked_again_later():
    flash = Flash(0)
    flash.failed = True
    bench = Bench(4, 2, flash)
    bench.take(20)
    assert flash.appended == 1
    assert bench.box.dropped == 16
    flash.room, flash.failed = 100, False
    bench.take(1, 60_000)
    assert bench.box.dropped == 16
    assert sorted(bench.drain()) == [17, 18, 19, 20, 21]


def test_record_that_has_waited_for_long_goes_into_flash_also_out_of_the_window():
    flash = Flash(100)
    bench = Bench(8, 2, flash, keep_ms=5000)
    bench.take(1, 0)
    bench.send()
    bench.take(2, 1000)
    bench.box.tick(5001)
    assert len(flash) == 0 or bench.box._window  # what is in flight stays: its acknowledgement may be on its way
    bench.box.disconnected()
    bench.box.tick(5000)
    assert 1 in [entry.packet_id for entry in bench.box._window]
    bench.box.tick(5001)
    assert len(flash) == 3
    assert len(bench.box) == 0
    assert sorted(bench.drain()) == [1, 2, 3]


def test_nothing_older_is_dropped_for_what_has_waited_for_long():
    flash = Flash(3)
    bench = Bench(4, 2, flash, keep_ms=1000)
    bench.take(5, 0)
    before = list(flash.kept)
    bench.box.tick(9000)
    assert flash.kept == before
    assert bench.box.dropped == 0


def test_save_puts_everything_into_flash_and_says_what_it_could_not():
    flash = Flash(100)
    bench = Bench(8, 2, flash)
    bench.take(5)
    bench.send()
    assert bench.box.save() == 0
    assert len(flash) == 5
    assert len(bench.box) == 0
    bench = Bench(8, 2, Flash(3), newest=True)
    bench.take(5)
    assert bench.box.save() == 2
    assert bench.said[-1] == ("outbox", "could not save", 2, "records")
    assert Bench(8, 2).box.save() == 0


def test_save_does_not_put_back_what_came_from_flash():
    flash = Flash(100)
    bench = Bench(4, 2, flash)
    bench.take(5)
    bench.send(), bench.send()
    bench.box.save()
    assert sorted(bench.drain()) == [1, 2, 3, 4, 5]
    assert len(flash) == 0
