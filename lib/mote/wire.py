"""The stream to the broker, and the socket that umqtt believes it has.

umqtt waits inside its calls, for ever. Here it composes and parses, and the Wire does the waiting:
what umqtt writes goes to a buffer that `flush` sends, what it reads comes from the one packet that
`receive` has brought in whole, and asking for more raises Pending. So no call of umqtt touches the
network, every wait is an `await` with a deadline of its caller's, and no length is believed before
it is checked.
"""

import asyncio
import select
import socket
import time
from errno import ECONNREFUSED, ECONNRESET, EINPROGRESS, ETIMEDOUT

from mote import const, trial

_STEP_MS = const(20)
_MAX_HEAD = const(5)  # one type byte, at most four of remaining length (MQTT 3.1.1, 2.2.3)


class WireError(Exception):
    """The peer sent what no packet may look like, or a packet larger than this mote takes."""


class Unresolved(OSError):
    """The name of the host has no address, as far as anybody here knows."""


class Pending(Exception):
    """umqtt asked to read where it would have waited: its packet is composed, nothing more is due."""


class Wire:
    """A TCP stream, secured or not, with one buffer of `limit` bytes for each direction."""

    def __init__(self, limit):
        self._raw = None
        self._socket = None
        self._stream = None
        self._lock = asyncio.Lock()
        self._out = bytearray(limit)
        self._out_view = memoryview(self._out)
        self._out_end = 0
        self._in = bytearray(limit)
        self._in_view = memoryview(self._in)
        self._in_pos = 0
        self._in_end = 0
        self.receiving = None  # ticks at which the packet now coming in began, or None
        self.composing = False  # while umqtt writes a packet there is nothing for it to read

    # --- the stream -----------------------------------------------------------------------------

    async def dial(self, host, port, timeout_ms):
        """Open the TCP connection. Raises OSError, ETIMEDOUT after `timeout_ms`, Unresolved without an address."""
        # Resolving blocks: no port of MicroPython has a resolver with a deadline.
        trial.waiting(True)
        try:
            info = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0]
        except OSError as error:
            raise Unresolved(error.errno)
        finally:
            trial.waiting(False)
        raw = socket.socket(info[0], info[1], info[2])
        self._raw = self._socket = raw
        raw.setblocking(False)
        try:
            raw.connect(info[-1])
        except OSError as error:
            if error.errno != EINPROGRESS:
                raise
        poll = select.poll()
        poll.register(raw, select.POLLOUT)
        begin = time.ticks_ms()
        while True:
            ready = poll.poll(0)
            if ready:
                break
            if time.ticks_diff(time.ticks_ms(), begin) > timeout_ms:
                raise OSError(ETIMEDOUT)
            await asyncio.sleep_ms(_STEP_MS)
        if ready[0][1] & (select.POLLERR | select.POLLHUP):
            raise OSError(ECONNREFUSED)
        self._stream = asyncio.StreamReader(raw)

    def secure(self, context, name):
        """Speak TLS from here on; the handshake happens while the first bytes are flushed."""
        # Without its own handshake call the wrapped socket never blocks.
        self._socket = context.wrap_socket(self._raw, server_hostname=name, do_handshake_on_connect=False)
        self._socket.setblocking(False)
        self._stream = asyncio.StreamReader(self._socket)

    @property
    def secured(self):
        """True where TLS is between this and the network."""
        return self._socket is not self._raw

    async def flush(self):
        """Send what has been composed, in one write."""
        async with self._lock:
            end = self._out_end
            if end:
                self._stream.write(self._out_view[:end])
                await self._stream.drain()
                # Packets composed meanwhile wait behind what was sent.
                self._out[: self._out_end - end] = self._out[end : self._out_end]
                self._out_end -= end

    async def receive(self, only=None):
        """Wait for the next packet; return its first byte (type and flags). It is then read with `read`.

        Raises OSError where the stream ends, WireError where the packet cannot be one or is too large, or does not
        begin with the byte `only`, where that is given: then no more than two bytes of it are waited for.
        """
        view = self._in_view
        self._in_pos = self._in_end = 0
        self.receiving = None
        await self._fill(0, 2)
        if only is not None and view[0] != only:
            raise WireError("what answers is no MQTT broker")
        head = 2
        while view[head - 1] & 0x80:
            if head == _MAX_HEAD:
                raise WireError("remaining length of more than four bytes")
            await self._fill(head, head + 1)
            head += 1
        length = 0
        for i in range(head - 1, 0, -1):
            length = length << 7 | view[i] & 0x7F
        if head + length > len(view):
            raise WireError("packet of %d bytes, more than %d" % (head + length, len(view)))
        await self._fill(head, head + length)
        self.receiving = None
        self._in_end = head + length
        return view[0]

    async def _fill(self, start, end):
        """Read until `end` bytes of the packet are here."""
        while start < end:
            got = await self._stream.readinto(self._in_view[start:end])
            if got is None:
                continue
            if got == 0:
                raise OSError(ECONNRESET)
            if self.receiving is None:
                self.receiving = time.ticks_ms()
            start += got

    def shut(self):
        """Close the stream and forget what was not sent; the Wire can dial again."""
        for sock in (self._socket, self._raw):
            if sock is not None:
                try:
                    sock.close()
                except OSError:
                    pass  # it is gone either way
        self._raw = self._socket = self._stream = None
        self._lock = asyncio.Lock()
        self._out_end = self._in_pos = self._in_end = 0
        self.receiving = None

    def forget(self):
        """Discard what is left of the packet that came in."""
        self._in_pos = self._in_end = 0

    # --- what umqtt sees: first as the module `socket`, then as a socket -------------------------

    SOCK_STREAM = socket.SOCK_STREAM

    def socket(self, *_):
        return self

    def getaddrinfo(self, host, port, *_):
        return ((0, 0, 0, "", (host, port)),)

    def connect(self, address):
        """The connection is there already: `dial` made it."""

    def settimeout(self, seconds):
        """Deadlines are those of `flush` and `receive`."""

    def setblocking(self, flag):
        """umqtt sets this after every first byte, which would undo any deadline."""

    def write(self, data, size=None):
        if size is None:
            size = len(data)
        end = self._out_end + size
        if end > len(self._out):
            raise WireError("packet larger than %d bytes" % len(self._out))
        self._out_view[self._out_end : end] = memoryview(data)[:size]
        self._out_end = end
        return size

    def read(self, size):
        if size == 0:
            return b""  # the payload of an empty message
        if self.composing or self._in_pos == self._in_end:
            raise Pending
        end = self._in_pos + size
        if size < 0 or end > self._in_end:
            raise WireError("packet that ends before its content")
        data = bytes(self._in_view[self._in_pos : end])
        self._in_pos = end
        return data

    def close(self):
        """umqtt closes after DISCONNECT; the owner of the Wire does, when it has been sent."""

    # --- for packets that umqtt cannot compose alone ---------------------------------------------

    def mark(self):
        """Return the place where the next packet will begin."""
        return self._out_end

    def set_flags(self, mark, flags):
        """Set `flags` in the first byte of the packet that began at `mark`."""
        self._out[mark] |= flags

    def drop(self, mark):
        """Take back the packet that began at `mark`."""
        self._out_end = mark

    def skip_head(self):
        """Go to the first byte behind the fixed header; return how many follow."""
        pos = 1
        while self._in[pos] & 0x80:
            pos += 1
        self._in_pos = pos + 1
        return self._in_end - self._in_pos
