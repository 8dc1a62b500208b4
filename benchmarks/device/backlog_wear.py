"""An outage, on a real littlefs: `micropython backlog_wear.py <plan.json>`, run by benchmarks/backlog_wear.py.

The mote's own outbox and backlog take a record of three readings each sample, as the app does, and nothing is sent.
Prints the segments written, the blocks erased, the most erasures of one block, how many records wait in the end, the
heap that the records of a full outbox take, and the bytes of one.
"""

import gc
import json
import os
import sys

from mote import parcel, record
from mote.backlog import Backlog
from mote.outbox import Outbox

_BLOCK = 4096
_ERASE = 6


class Disk:
    """Flash in memory that counts what is erased."""

    def __init__(self, blocks):
        self.data = bytearray(b"\xff" * (_BLOCK * blocks))
        self.erased = [0] * blocks

    def readblocks(self, block, buffer, offset=0):
        at = block * _BLOCK + offset
        buffer[:] = self.data[at : at + len(buffer)]
        return 0

    def writeblocks(self, block, buffer, offset=0):
        at = block * _BLOCK + offset
        self.data[at : at + len(buffer)] = buffer
        return 0

    def ioctl(self, request, block):
        if request == 4:
            return len(self.erased)
        if request == 5:
            return _BLOCK
        if request == _ERASE:
            self.erased[block] += 1
        return 0


def _readings(number):
    quantities = (("temperature", "Cel", 21.37), ("humidity", "%RH", 45.2), ("pressure", "Pa", 101325.5))
    return [record.Reading(name, unit, value + number % 7 / 8, None) for name, unit, value in quantities]


def run(plan):
    disk = Disk(plan["blocks"])
    os.VfsLfs2.mkfs(disk)
    os.mount(os.VfsLfs2(disk), "/flash")
    disk.erased = [0] * plan["blocks"]
    backlog = Backlog("/flash/backlog", plan["backlog"], b"owner", lambda *words: None)
    box = Outbox(plan["outbox"], 4, 1400, b"up", None, backlog, False, plan["keep_s"] * 1000, lambda *words: None)
    ms = number = 0
    spills = [0]
    append = backlog.append

    def counted(parcels, evict):
        found = append(parcels, evict)
        spills[0] += found > 0
        return found

    backlog.append = counted
    while ms < plan["hours"] * 3600000:
        number += 1
        box.take(parcel.pack((1, 7, number), 1800000000 + ms // 1000, ms, _readings(number)), ms)
        for _ in range(plan["sample_s"]):
            ms += 1000
            box.tick(ms)
    waits = number - box.dropped
    gc.collect()
    before = gc.mem_alloc()
    full = [parcel.pack((1, 7, each), 1800000000, ms, _readings(each)) for each in range(plan["outbox"])]
    gc.collect()
    heap = gc.mem_alloc() - before
    print(json.dumps([spills[0], sum(disk.erased), max(disk.erased), waits, heap, len(full[0])]))


with open(sys.argv[1]) as file:
    run(json.load(file))
