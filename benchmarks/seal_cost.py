"""What sealing costs beside the two native calls that it cannot do without.

    micropython -X heapsize=240k benchmarks/seal_cost.py

Prints microseconds for a 64-byte record, each the best of several rounds. A heap of a board's size matters:
MicroPython looks for free memory from the front, and a large heap makes every allocation slower.
"""

import gc
import sys
import time

from cryptolib import aes

sys.path.insert(0, "lib")

from mote import sealed
from mote.aead import AesCcm

_ROUNDS = 5
_TIMES = 4000

key = bytes(range(32))
record = bytes(64)
name = b"kitchen/up"
nonce = bytes(13)
context = sealed.Context(key, b"fleet-id", sealed.UPLINK, sealed.make_epoch(1, 7, bytes(8)))
message = context.seal(5, name, record)
aad = context._bound(b"\x41\x05", name)
cipher = AesCcm(key)
ecb = aes(key, 1)
mac = bytearray(16 + (len(aad) + 17) // 16 * 16 + 64)
stream = bytearray(80)


def native(i):
    """The calls alone, in place: CBC over the MAC's input, ECB over the counter blocks."""
    aes(key, 2, nonce + b"\0\0\0").encrypt(mac, mac)
    ecb.encrypt(stream, stream)


def measure(call):
    """Return microseconds for one `call`."""
    best = None
    for _ in range(_ROUNDS):
        gc.collect()
        begun = time.ticks_us()
        for i in range(_TIMES):
            call(i)
        took = time.ticks_diff(time.ticks_us(), begun) / _TIMES
        best = took if best is None else min(best, took)
    return best


base = measure(native)
for words, call in (
    ("two native calls", native),
    ("AES-CCM", lambda i: cipher.encrypt(nonce, record, aad)),
    ("seal", lambda i: context.seal(i, name, record)),
    ("parse and open", lambda i: context.open(sealed.parse(message, sealed.MAX_UP), name)),
):
    took = measure(call)
    print(f"{words:18} {took:7.2f} us   x {took / base:.1f}")
