"""The operations whose cost benchmarks/seal_cost.py compares: `micropython seal.py <operation> <times> [certificates]`.

With `times` an operation is carried out so often, to have its instructions counted; with 0 all of them are timed side
by side. A TLS session is between two ends in this process, joined in memory.
"""

import gc
import hashlib
import io
import sys
import time

from cryptolib import aes
from mote import sealed
from mote.aead import AesCcm

_ROUNDS = 7
_TIMES = 1500
_KEY = bytes(range(32))
_RECORD = bytes(64)
_NAME = b"kitchen/up"
_ZERO = bytes(16)
_AAD_SIZE = 53  # of a record of the first 256 on kitchen/up


def _context():
    return sealed.Context(_KEY, b"fleet-id", sealed.UPLINK, sealed.make_epoch(1, 7, bytes(8)))


def nothing():
    """A call that does nothing, to be subtracted."""
    return lambda i: None


def native():
    """The two native calls alone, in place: CBC over the MAC's input, ECB over the counter blocks."""
    ecb = aes(_KEY, 1)
    mac = bytearray(16 + (2 + _AAD_SIZE + 15) // 16 * 16 + len(_RECORD))
    stream = bytearray(16 + len(_RECORD))

    def call(i):
        aes(_KEY, 2, _ZERO).encrypt(mac, mac)
        ecb.encrypt(stream, stream)

    return call


def ccm():
    """AES-CCM as `mote.aead` has it."""
    cipher = AesCcm(_KEY)
    nonce, aad = bytes(13), bytes(_AAD_SIZE)
    return lambda i: cipher.encrypt(nonce, _RECORD, aad)


def seal():
    """A record of 64 bytes to a sealed message."""
    context = _context()
    return lambda i: context.seal(i & 0xFF, _NAME, _RECORD)


def open_():
    """A sealed message of 64 bytes to its content."""
    context = _context()
    message = context.seal(5, _NAME, _RECORD)
    return lambda i: context.open(sealed.parse(message, sealed.MAX_UP), _NAME)


def tutorial():
    """What people write: AES-CBC with a random IV and padding, then HMAC-SHA256 in Python over both (RFC 2104)."""
    import os

    mac_key = bytes(32)

    def hmac(key, message):
        key = key + bytes(64 - len(key))
        inner = bytes(x ^ 0x36 for x in key)
        outer = bytes(x ^ 0x5C for x in key)
        return hashlib.sha256(outer + hashlib.sha256(inner + message).digest()).digest()

    def call(i):
        pad = 16 - len(_RECORD) % 16
        iv = os.urandom(16)
        text = iv + aes(_KEY, 2, iv).encrypt(_RECORD + bytes([pad]) * pad)
        return text + hmac(mac_key, text)

    return call


class _Pipe(io.IOBase):
    """One end of a pair of streams in memory."""

    def __init__(self, inbox, outbox):
        self._in = inbox
        self._out = outbox

    def readinto(self, buffer):
        if not self._in:
            return None
        size = min(len(buffer), len(self._in))
        buffer[:size] = self._in[:size]
        self._in[:size] = b""
        return size

    def write(self, data):
        self._out.extend(data)
        return len(data)

    def ioctl(self, request, argument):
        return 0


def _session():
    """Both ends of a TLS session, shaken hands."""
    import tls

    ends = []
    up, down = bytearray(), bytearray()
    for server, pipe in ((True, _Pipe(up, down)), (False, _Pipe(down, up))):
        context = tls.SSLContext(tls.PROTOCOL_TLS_SERVER if server else tls.PROTOCOL_TLS_CLIENT)
        context.verify_mode = tls.CERT_NONE  # who it is does not change what a record costs
        if server:
            with open(sys.argv[3], "rb") as certificate, open(sys.argv[4], "rb") as key:
                context.load_cert_chain(certificate.read(), key.read())
        ends.append(context.wrap_socket(pipe, server_side=server, do_handshake_on_connect=False))
    server, client = ends
    probe = bytearray(1)
    for _ in range(40):
        client.write(b"x")
        if server.readinto(probe):
            break
    else:
        raise OSError("no handshake")
    while server.readinto(probe):
        pass
    return server, client, up


def tls_write():
    """A record of 64 bytes written to a TLS session (AES-256-GCM or what mbedTLS prefers)."""
    _, client, wire = _session()

    def call(i):
        client.write(_RECORD)
        wire[:] = b""

    return call


def tls_both():
    """The same, and read at the other end."""
    server, client, _ = _session()
    buffer = bytearray(64)

    def call(i):
        client.write(_RECORD)
        server.readinto(buffer)

    return call


OPERATIONS = (
    ("nothing", nothing),
    ("native", native),
    ("ccm", ccm),
    ("seal", seal),
    ("open", open_),
    ("tutorial", tutorial),
    ("tls-write", tls_write),
    ("tls-both", tls_both),
)


def _microseconds(call):
    gc.collect()
    begun = time.ticks_us()
    for i in range(_TIMES):
        call(i)
    return time.ticks_diff(time.ticks_us(), begun) / _TIMES


def compare():
    """Print each operation and its microseconds: the best of several rounds, taken in turn."""
    calls = [(name, make()) for name, make in OPERATIONS]
    best = {}
    for _ in range(_ROUNDS):
        for name, call in calls:
            best[name] = min(best.get(name, 1e9), _microseconds(call))
    for name, _ in calls:
        print(name, best[name])


if int(sys.argv[2]) == 0:
    compare()
else:
    call = dict(OPERATIONS)[sys.argv[1]]()
    for i in range(int(sys.argv[2])):
        call(i)
