"""The outbox: nothing leaves before its acknowledgement, and what is dropped is counted."""

from mote.outbox import Outbox


def fill(outbox, count):
    for i in range(count):
        outbox.put(b"t", b"%d" % i)


def send(outbox):
    entry = outbox.due()
    if entry is not None:
        outbox.number(entry)
        outbox.sent(entry)
    return entry


def test_window_bounds_what_is_in_flight():
    outbox = Outbox(8, 3, 64)
    fill(outbox, 5)
    sent = [send(outbox) for _ in range(4)]
    assert [entry.payload for entry in sent[:3]] == [b"0", b"1", b"2"]
    assert sent[3] is None


def test_acknowledged_message_leaves_and_makes_room_in_the_window():
    outbox = Outbox(8, 1, 64)
    fill(outbox, 2)
    first = send(outbox)
    assert outbox.due() is None
    assert outbox.acknowledged(first.packet_id)
    assert outbox.due().payload == b"1"


def test_wrong_packet_id_acknowledges_nothing():
    outbox = Outbox(8, 2, 64)
    fill(outbox, 1)
    entry = send(outbox)
    assert not outbox.acknowledged(entry.packet_id + 1)
    assert len(outbox) == 1


def test_full_outbox_drops_the_oldest_that_is_not_in_flight_and_counts_it():
    outbox = Outbox(3, 1, 64)
    fill(outbox, 3)
    send(outbox)
    outbox.put(b"t", b"new")
    assert outbox.dropped == 1
    assert [entry.payload for entry in outbox._entries] == [b"0", b"2", b"new"]


def test_reconnection_sends_the_same_bytes_under_the_same_id_in_order():
    outbox = Outbox(8, 2, 64)
    fill(outbox, 3)
    before = [(entry.packet_id, entry.payload) for entry in (send(outbox), send(outbox))]
    outbox.reconnected()
    after = [(entry.packet_id, entry.payload) for entry in (send(outbox), send(outbox))]
    assert before == after


def test_packet_ids_wrap_past_65535_and_skip_zero_and_those_in_use():
    outbox = Outbox(8, 4, 64)
    outbox._last_id = 65534
    fill(outbox, 3)
    assert [send(outbox).packet_id for _ in range(3)] == [65535, 1, 2]
    outbox._last_id = 65534
    outbox.put(b"t", b"x")
    assert send(outbox).packet_id == 3


def test_message_that_no_packet_can_hold_is_counted_and_never_in_the_way():
    outbox = Outbox(2, 1, 8)
    outbox.put(b"t", bytes(9))
    assert (len(outbox), outbox.dropped) == (0, 1)
    outbox.put(b"t", bytes(8))
    assert outbox.due().payload == bytes(8)


def test_message_taken_out_makes_room_and_is_counted():
    outbox = Outbox(8, 1, 64)
    fill(outbox, 2)
    outbox.drop(outbox.due())
    assert outbox.due().payload == b"1"
    assert outbox.dropped == 1
