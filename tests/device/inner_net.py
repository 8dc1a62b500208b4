"""`socket` without a network: whoever connects talks to a Peer in the same process, byte by byte in order.

A Peer has `heard(connection, data)`, called with what was written, and may at any time call the connection's `say`,
`end` and `reset`. Connections are non-blocking streams that asyncio polls, as sockets are.
"""

import io
from errno import ECONNRESET

import swift

SOCK_STREAM = 1
AF_INET = 2
SOL_SOCKET = 1
SO_REUSEADDR = 2

_EPIPE = 32
_WINDOW = 1024  # bytes that wait to be read; what is sent beyond stays with the sender
_POLL = 3
_CLOSE = 4
_READ, _WRITE, _ERR, _HUP = 1, 4, 8, 16

peer = None  # who answers
opened = 0  # connections so far
current = None


class Connection(io.IOBase):
    """One stream."""

    def __init__(self):
        self._in = bytearray()
        self._later = []  # (due, bytes)
        self._over = None  # (due, errno or None): when the far end closes
        self.accepts = True  # False while the way out is full
        self.most = 1 << 30  # bytes that one write takes
        self.gone = False
        self._fault = None  # errno for whoever reads or writes
        self._ended = False
        self.closed = False
        self.sent = 0

    # --- the mote's side -----------------------------------------------------------------------

    def setblocking(self, flag):
        pass

    def settimeout(self, seconds):
        pass

    def setsockopt(self, *_):
        pass

    def connect(self, address):
        global opened, current
        opened += 1
        current = self
        peer.connected(self)

    def _settle(self):
        while self._later and self._later[0][0] <= swift.now_us and len(self._in) < _WINDOW:
            self._in += self._later.pop(0)[1]
        if self._over and self._over[0] <= swift.now_us:
            self._later = []
            self._fault = self._over[1]
            self._ended = True

    def due(self):
        """When something comes in next, or None."""
        if self.closed:
            return None
        self._settle()
        if self._later and (not self._over or self._later[0][0] < self._over[0]):
            return self._later[0][0]
        return self._over[0] if self._over and not self._ended else None

    def ioctl(self, request, argument):
        if request == _POLL:
            self._settle()
            ready = 0
            if self._in or self._ended or self._fault:
                ready |= _READ
            if self.accepts or self._fault:
                ready |= _WRITE
            if self._fault:
                ready |= _ERR | _HUP
            return ready & (argument | _ERR | _HUP)
        if request == _CLOSE:
            self.close()
            return 0
        return -1  # no file of the system's behind it

    def readinto(self, buffer, *_):
        self._settle()
        if self._fault:
            raise OSError(self._fault)
        if not self._in:
            return 0 if self._ended else None
        size = min(len(buffer), len(self._in))
        buffer[:size] = self._in[:size]
        self._in = self._in[size:]
        return size

    def read(self, size=-1):
        buffer = bytearray(size if size >= 0 else len(self._in))
        got = self.readinto(buffer)
        return None if got is None else bytes(buffer[:got])

    def write(self, data, *_):
        if self.closed:
            raise OSError(_EPIPE)
        self._settle()
        if self._fault:
            raise OSError(self._fault)
        if not self.accepts:
            return None
        taken = bytes(data[: self.most])
        self.sent += len(taken)
        peer.heard(self, taken)
        return len(taken)

    def send(self, data):
        return self.write(data)

    def close(self):
        self.closed = True
        self._later = []

    # --- the peer's side -----------------------------------------------------------------------

    def say(self, data, after_ms=0):
        """Send `data` to the mote; it arrives after that time, and after what was sent before."""
        due = swift.now_us + after_ms * 1000
        if self._later and self._later[-1][0] > due:
            due = self._later[-1][0]
        if not self.closed:
            self._later.append((due, bytes(data)))

    def end(self, after_ms=0):
        """Close from the far end, whatever is still on its way."""
        self._over = (swift.now_us + after_ms * 1000, None)

    def reset(self, after_ms=0):
        """Break the connection."""
        self._over = (swift.now_us + after_ms * 1000, ECONNRESET)


def socket(*_):
    return Connection()


def getaddrinfo(host, port, *_):
    return ((AF_INET, SOCK_STREAM, 0, "", (host, port)),)


def next_due():
    """When something comes in on the connection that was opened last, or None."""
    return current.due() if current is not None else None


swift.horizon.append(next_due)
