"""The gateway's opener under malformed messages: `python host_tests/fuzz_gateway.py N SEED`.

Half go to MoteTrust.open, half to Uplink.take. Anything but a declared exception, growth of memory, a changed state,
or a true message that is not taken at the end makes it fail. Prints what happened.
"""

import argparse
import collections
import gc
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from gateway_motes import SealingMote, a_fleet, on_clear, trusts_of
from ironmote.gateway.members import members_of
from ironmote.gateway.trust import Alarming, MoteTrust
from ironmote.gateway.uplink import AlreadyTaken, Message, NotBelieved, Uplink
from mote import cbor, command, sealed
from mutations import changed, composed
from seeded import Source

LEAVES = ("up", "ack", "state")
SPARE_BLOCKS = 200  # of Python's allocator: caches of small objects that come and go


def resident_kib() -> int:
    """What the process has in memory, in KiB; 0 where the system does not say so."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * 4


class Bench:
    """A gateway that has heard three boots of one mote, and what a stranger may have recorded of them."""

    def __init__(self, seed: int) -> None:
        self.source = Source(seed)
        fleet = a_fleet()
        self.trusts = trusts_of(fleet)
        self.uplink = Uplink(members_of(fleet), self.trusts, [("clear", "sealed"), ("home", "mote")])
        self.recorded: list[bytes] = []
        for boot in (5, 6, 7):
            self.mote = SealingMote(fleet, "cellar", boot=boot, random8=b"8 random")
            order = command.Command(bytes(8), "dimmer", 1, 0, None, None)
            heard = [
                ("state", self.mote.state(channel="sealed")),
                ("up", self.mote.up()),
                ("up", self.mote.up(taken=1_795_218_308)),
                ("ack", self.mote.answer(order, command.DONE, 40)),
                ("state", self.mote.will()),
            ]
            for leaf, payload in heard:
                self.uplink.take(on_clear(f"sealed/cellar/{leaf}", payload))
                self.recorded.append(payload)
        self.epochs = [each.epoch for each in self.trust.epochs]
        self.stranger = SealingMote(fleet, "cellar", boot=7, random8=b"8 random")
        self.stranger.key = bytes(32)
        self.other = SealingMote(fleet, "attic", boot=7)
        self.earlier = SealingMote(fleet, "cellar", boot=3)
        self.other_generation = SealingMote(fleet, "cellar", boot=9, generation=2)
        # Verified by nobody: sent by another mote, from a boot that is past, and under a key that is not known here.
        self.recorded += [self.other.up(), self.earlier.up(), self.other_generation.up(), self.stranger.up()]
        self.plain = [
            cbor.encode({"online": True, "boot": 7, "connection": 1, "channel": "sealed", "missing": ["bme280"]}),
            cbor.encode([{-2: "cellar/", "ri": "1.7.9", 0: "temperature", 1: "Cel", 2: 23.5}, {0: "door", 4: True}]),
            command.encode_answer_cbor(command.Answer(bytes(8), command.REFUSED, "relay", 1, "no")),
        ]

    @property
    def trust(self) -> MoteTrust:
        return self.trusts["cellar"]

    def state(self) -> object:
        """All that the gateway would store, and what it keeps in memory for it."""
        trust = self.trust
        windows = [(each.epoch, each.window.highest, each.window.bits, each.will) for each in trust.epochs]
        return windows, sorted(trust._contexts), trust.generation, trust.confirmed

    def message(self) -> bytes:
        source = self.source
        which = source.below(16)
        if which < 3:
            return composed(source, self.epochs)
        if which == 3:  # sealed as it should be, with another key or by another mote
            whose = source.pick((self.stranger, self.other, self.earlier, self.other_generation))
            return whose.seal(source.pick(LEAVES), source.pick(self.plain))
        return changed(source, self.recorded)

    def attack_trust(self) -> str:
        try:
            self.trust.open(self.source.pick(LEAVES), self.message())
        except sealed.Refused as error:
            return "alarming" if isinstance(error, Alarming) else type(error).__name__
        raise AssertionError("a malformed message was taken")

    def attack_uplink(self) -> str:
        source = self.source
        topic = f"sealed/cellar/{source.pick(LEAVES)}"
        if source.below(32) == 0:
            topic = changed(source, [topic.encode(), b"mote/kitchen/up", b"sealed/attic/up"]).decode(errors="replace")
        retained, again = source.below(32) == 0, source.below(8) == 0
        try:
            self.uplink.take(Message("clear", "sealed", topic, self.message(), retained, again))
        except NotBelieved as error:
            return "NotBelieved, alert" if error.alert else "NotBelieved"
        except AlreadyTaken:
            return "AlreadyTaken"
        raise AssertionError("a malformed message was believed")

    def attack_from_inside(self) -> str:
        """Sealed by whoever has the key, and nonsense inside: used up, and nothing but nonsense to the gateway."""
        leaf = self.source.pick(LEAVES)
        payload = self.mote.seal(leaf, changed(self.source, self.plain))
        try:
            self.uplink.take(on_clear(f"sealed/cellar/{leaf}", payload))
        except NotBelieved:
            return "NotBelieved"
        return "well-formed after all"


def run(total: int, seed: int) -> None:
    bench = Bench(seed)
    counts: dict[str, collections.Counter[str]] = {name: collections.Counter() for name in ("open", "take", "inside")}
    begun = time.monotonic()
    state = bench.state()
    blocks = resident = 0
    for i in range(total):
        if i % 2:
            counts["open"][bench.attack_trust()] += 1
        else:
            counts["take"][bench.attack_uplink()] += 1
        if i == total // 10:
            gc.collect()
            blocks, resident = sys.getallocatedblocks(), resident_kib()
    gc.collect()
    grown, grown_kib = sys.getallocatedblocks() - blocks, resident_kib() - resident
    assert bench.state() == state, "the state was changed"
    for _ in range(total // 20):
        counts["inside"][bench.attack_from_inside()] += 1
    true = bench.mote.up()
    assert bench.uplink.take(on_clear("sealed/cellar/up", true)).current, "the next true message was not taken"
    print(f"gateway: {total:,} messages, seed {seed}, {time.monotonic() - begun:.0f} s")
    for name, found in counts.items():
        print(f"  {name}:", ", ".join(f"{kind} {count:,}" for kind, count in sorted(found.items())))
    print(f"  memory after the first tenth: {grown:+d} blocks, {grown_kib:+d} KiB resident")
    assert grown < SPARE_BLOCKS, "memory grew"
    print("held")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("total", type=int)
    parser.add_argument("seed", type=int)
    words = parser.parse_args()
    run(words.total, words.seed)
