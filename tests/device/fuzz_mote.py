"""A mote's opener and decoders under malformed messages.

    micropython -X heapsize=128k tests/device/fuzz_mote.py N SEED

Run from the top of the repository. Anything but a declared exception, growth of the heap, a changed state, or a true
command that is not taken at the end makes it fail. Prints what happened.
"""

import gc
import sys

gc.threshold(8192)  # as boot.py has it on a board, and for its reason
sys.path[:0] = ["tests", "lib"]

from mote import cbor, command, keys, protect, sealed  # noqa: E402
from mutations import changed, composed  # noqa: E402
from seeded import Source  # noqa: E402

FLEET = bytes(range(16))
ROOT = bytes(range(32))
EPOCH = sealed.make_epoch(1, 7, b"8 random")
SENDER = sealed.DOWNLINK + b"sixsix"
NAME = b"cellar/down"
DECLARED = (sealed.Refused, command.CommandError, protect.Expired)
_CHECK = 4096  # how often heap and state are looked at


def order(i, anchor):
    value = (True, False, 40, -1.5, "warm")[i % 5]
    return command.Command(bytes((i,)) * 8, "dimmer", value, anchor, 1795218308, None)


def tell(counts, kind):
    counts[kind] = counts.get(kind, 0) + 1


class Bench:
    """A running protection, the gateway's context for it, and messages that were recorded."""

    def __init__(self, source):
        self.source = source
        self.mote = protect.Sealed("cellar", "clear", FLEET, ROOT, EPOCH, 7, True, 1 << 28)
        seal_key = keys.subkey(ROOT, FLEET, keys.SEAL)
        self.gateway = sealed.Context(seal_key, FLEET, SENDER, EPOCH)
        self.stranger = sealed.Context(bytes(32), FLEET, SENDER, EPOCH)
        self.earlier = sealed.Context(seal_key, FLEET, SENDER, sealed.make_epoch(1, 6, b"8 random"))
        self.samples = [self.mote.state({"online": True}), self.mote.will(1, {"online": False})]
        self.plain = [command.encode_command_cbor(order(i, 0)) for i in range(5)]
        self.words = [command.encode_command_json(order(i, 0)) for i in range(5)]
        for i in range(5):
            self.samples.append(self.gateway.seal(i, NAME, self.plain[i]))
            self.mote.command(self.samples[-1])
        # What a stranger may have recorded: sent to another mote, before the last boot, and not yet delivered.
        self.samples.append(self.gateway.seal(1000, b"attic/down", self.plain[0]))
        self.samples.append(self.earlier.seal(2000, NAME, self.plain[0]))
        self.down = self.mote.down

    def message(self, i):
        """The next malformed message for the opener."""
        source = self.source
        which = i % 8
        if which == 0:
            return composed(source, (EPOCH,))
        if which == 1:  # sealed as it should be, with another key
            return self.stranger.seal(source.below(1 << 30), NAME, source.pick(self.plain))
        if which == 2:  # sealed as it should be, for another name or epoch
            whose = source.pick((self.gateway, self.earlier))
            name = b"cellar/down" if whose is self.earlier else source.pick((b"cellar/up", b"attic/down", b""))
            return whose.seal(source.below(1 << 30), name, source.pick(self.plain))
        return changed(source, self.samples)

    def attack_opener(self, i, counts):
        try:
            self.mote.command(self.message(i))
        except DECLARED as error:
            tell(counts, type(error).__name__)
        else:
            raise AssertionError("a malformed message was taken")

    def attack_decoders(self, counts):
        source = self.source
        for decode, samples, kind in (
            (cbor.decode, self.plain, cbor.CborError),
            (command.decode_command_cbor, self.plain, command.CommandError),
            (command.decode_answer_cbor, self.plain, command.CommandError),
            (command.decode_command_json, self.words, command.CommandError),
        ):
            try:
                decode(changed(source, samples))
            except kind as error:
                tell(counts, type(error).__name__)
            else:
                tell(counts, "well-formed after all")

    def attack_from_inside(self, counts):
        """Sealed by whoever has the key, and nonsense inside: counted as heard, never obeyed."""
        self.down += 1
        try:
            self.mote.command(self.gateway.seal(self.down, NAME, changed(self.source, self.plain)))
        except DECLARED as error:
            tell(counts, type(error).__name__)
        else:
            tell(counts, "well-formed after all")


def heap():
    gc.collect()
    return gc.mem_alloc()


def main(total, seed):
    bench = Bench(Source(seed))
    counts, decoded, inside = {}, {}, {}
    base = None
    most = 0
    for i in range(total):
        bench.attack_opener(i, counts)
        if i % 2 == 0:
            bench.attack_decoders(decoded)
        if i % 16 == 0:
            bench.attack_from_inside(inside)
        if i % _CHECK == _CHECK - 1 or i == total - 1:
            assert bench.mote.down == bench.down, "the state was changed"
            assert bench.mote.sequence == 1
            used = heap()
            if base is None:
                base = used
            most = max(most, used - base)
    good = bench.gateway.seal(bench.down + 1, NAME, bench.plain[1])
    assert bench.mote.command(good) == order(1, 0), "the next true command was not taken"
    print("mote: %d messages, seed %d" % (total, seed))
    for words, found in (("opener", counts), ("decoders", decoded), ("from inside", inside)):
        print("  %s:" % words, ", ".join("%s %d" % (kind, found[kind]) for kind in sorted(found)))
    print("  heap: %d bytes in use after the first %d, %+d at most later" % (base, min(total, _CHECK), most))
    assert most < 1024, "the heap grew"
    print("held")


main(int(sys.argv[1]), int(sys.argv[2]))
