"""Heap of one seal: `micropython seal_heap.py <bytes of the record>`, run by benchmarks/seal_heap.py.

Prints what a seal takes while nothing is collected, the most over many, what its context keeps for good, and what is
left of all of them.
"""

import gc
import sys

from mote import sealed

_SEALS = 2000


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
    print(most, kept, gc.mem_alloc() - before)


main()
