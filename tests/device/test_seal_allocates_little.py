"""What sealing takes of the heap is bounded, and nothing is left of it (docs/HARDWARE.md has the figure)."""

import gc

from mote import sealed

_SEALS = 10000
_ROUND = 10  # seals between two collections, far fewer than fill the heap
_BOUND = 3072  # bytes for a record of 64, on the unix port; a board with 32-bit words takes about half


def test_sealing_takes_a_bounded_piece_of_the_heap_and_leaves_nothing():
    context = sealed.Context(bytes(32), b"fleet-id", sealed.UPLINK, sealed.make_epoch(1, 7, bytes(8)))
    content = bytes(64)
    sequence = 0
    for _ in range(300):  # a sequence number of two bytes, and whatever is made once
        context.seal(sequence, b"kitchen/up", content)
        sequence += 1
    gc.collect()
    before = gc.mem_alloc()
    most = 0
    for _ in range(_SEALS // _ROUND):
        gc.collect()
        gc.disable()
        begin = gc.mem_alloc()
        for _ in range(_ROUND):
            context.seal(sequence, b"kitchen/up", content)
            sequence += 1
        most = max(most, gc.mem_alloc() - begin)
        gc.enable()
    gc.collect()
    assert most <= _BOUND * _ROUND
    assert gc.mem_alloc() - before <= 64, "something of them is still there"
