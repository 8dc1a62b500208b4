"""The Wire: nothing that a broker sends is believed before it is checked, and umqtt never waits."""

import asyncio

from harness import raises
from mote.wire import Pending, Wire, WireError


class Script:
    """A stream that gives `data` in pieces of `piece` bytes, then ends."""

    def __init__(self, data, piece=1):
        self._data = data
        self._piece = piece

    async def readinto(self, buffer):
        size = min(len(buffer), self._piece, len(self._data))
        buffer[:size] = self._data[:size]
        self._data = self._data[size:]
        return size


def wire(data, piece=1, limit=64):
    made = Wire(limit)
    made._stream = Script(data, piece)
    return made


def receive(made):
    return asyncio.run(made.receive())


def test_packet_is_read_whole_in_whatever_pieces_it_comes():
    packet = b"\x30\x07\x00\x01t" + b"body"
    for piece in range(1, 10):
        one = wire(packet, piece)
        assert receive(one) == 0x30
        assert one.read(9) == packet


def test_length_larger_than_the_buffer_is_refused_before_it_is_read():
    for head in (b"\x30\x7f", b"\x30\xff\x7f", b"\x30\xff\xff\x7f", b"\x30\xff\xff\xff\x7f"):
        raises(WireError, receive, wire(head + bytes(16)))


def test_length_of_five_bytes_is_refused():
    raises(WireError, receive, wire(b"\x30\xff\xff\xff\xff\x01"))


def test_stream_that_ends_raises_at_every_byte():
    packet = b"\x30\x07\x00\x01t" + b"body"
    for size in range(len(packet)):
        raises(OSError, receive, wire(packet[:size]))


def test_reading_behind_the_packet_is_pending_and_across_its_end_refused():
    one = wire(b"\x40\x02\x00\x07")
    receive(one)
    raises(WireError, one.read, 5)
    raises(WireError, one.read, -1)
    assert one.read(4) == b"\x40\x02\x00\x07"
    raises(Pending, one.read, 1)


def test_packet_larger_than_the_buffer_is_not_composed():
    one = Wire(8)
    one.write(b"12345")
    raises(WireError, one.write, b"6789")


def test_write_takes_as_many_bytes_as_it_is_told():
    one = Wire(8)
    one.write(b"12345", 2)
    assert one.mark() == 2


def test_nothing_of_a_packet_is_read_while_umqtt_composes_or_after_it_was_forgotten():
    one = wire(b"\x40\x02\x00\x07")
    receive(one)
    one.composing = True
    raises(Pending, one.read, 1)
    one.composing = False
    assert one.read(1) == b"\x40"
    one.forget()
    raises(Pending, one.read, 1)


def test_reading_nothing_gives_nothing_even_at_the_end_of_the_packet():
    one = wire(b"\x40\x02\x00\x07")
    receive(one)
    one.read(4)
    assert one.read(0) == b""
