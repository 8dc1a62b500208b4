"""Heap of one seal: `micropython seal_heap.py <bytes of the record>`, run by benchmarks/seal_heap.py.

Prints what a seal takes while nothing is collected, the most over many, with how little memory free it is made, what
its context keeps for good, and what is left of all of them.
"""

import gc
import sys

from mote import sealed

_SEALS = 2000
_MOST = 65536  # bytes, more than any seal needs
_STEP = 128


def fits(context, content, free):
    """Return whether a message of this size is sealed, as the first of its size, with `free` bytes free."""
    context.seal(1, b"kitchen/up", b"another size")
    gc.collect()
    held = []
    try:
        while gc.mem_free() > free:
            held.append(bytearray(64))
    except MemoryError:
        return False
    try:
        context.seal(2, b"kitchen/up", content)
        return True
    except MemoryError:
        return False
    finally:
        held = None


def main():
    gc.collect()
    begin = gc.mem_alloc()
    context = sealed.Context(bytes(32), b"fleet-id", sealed.UPLINK, sealed.make_epoch(1, 7, bytes(8)))
    content = bytes(int(sys.argv[1]))
    for sequence in range(300):  # a sequence number of two bytes, and whatever is made once
        context.seal(sequence, b"kitchen/up", content)
    most = 0
    gc.collect()
    before = gc.mem_alloc()
    kept = before - begin
    for sequence in range(300, 300 + _SEALS):
        gc.collect()
        gc.disable()
        begin = gc.mem_alloc()
        context.seal(sequence, b"kitchen/up", content)
        most = max(most, gc.mem_alloc() - begin)
        gc.enable()
    gc.collect()
    left = gc.mem_alloc() - before
    low, high = 0, _MOST
    while high - low > _STEP:
        middle = (low + high) // 2
        if fits(context, content, middle):
            high = middle
        else:
            low = middle
    print(most, high, kept, left)


main()
