"""The backlog: records in flash that memory has no room for, in segments that are each written whole.

A segment is `"mb" ‖ version (1) ‖ records (2) ‖ length of the body (4) ‖ body ‖ CRC-32 (4)`; the body holds each
parcel behind its length (2). The CRC covers mote and fleet too, so what an earlier owner left is no segment here.
A segment goes when its last record was acknowledged; a crash before that repeats it, and the gateway knows what it has.
"""

import binascii
import gc
import struct

from mote import const, log, parcel, store

_MAGIC = b"mb"
_VERSION = const(1)
_HEAD = ">2sBHI"
_HEAD_SIZE = const(9)
_AROUND = const(13)  # the head and the CRC
_LENGTH = const(2)
_LARGEST = const(4000)  # bytes of a segment: it fits a block of flash
_SMALLEST = const(1500)  # and holds the largest parcel
_FOLDER = "/backlog"
_ENOSPC = const(28)  # MicroPython's errno has no name for it
_DIGITS = "0123456789abcdef"


def of(settings):
    """Return the Backlog of a mote with these settings, or None where they give it no flash."""
    if not settings.backlog:
        return None
    return Backlog(_FOLDER, settings.backlog, owner(settings), log.warn)


def owner(settings):
    """Return whose records are kept, as bytes: nobody else's are taken for this mote's."""
    return settings.fleet + settings.mote.encode()


class Backlog:
    """At most `limit` bytes of segments in `folder`, for whoever `owner` (bytes) is.

    `dropped` counts records that were evicted, `damaged` segments that could not be read; how many records were in
    those nobody knows but who misses their numbers. `warn(who, *words)` tells the console. No method raises for what
    the file system does: what it cannot do is told by the result.
    """

    def __init__(self, folder, limit, owner, warn):
        self._folder = folder
        self._limit = limit
        self._most = min(_LARGEST, max(limit // 4, _SMALLEST), limit)  # bytes of a segment
        self._owner = binascii.crc32(owner)
        self._warn = warn
        self._numbers = []  # of the segments, oldest first
        self._next = 0
        self._bytes = 0
        self._left = 0  # records of the oldest segment that were not handed out yet, and where the next one is
        self._at = 0
        self._out = 0  # records handed out and not acknowledged
        self.failed = False  # the file system did not do its part in the last `append`
        self.dropped = 0
        self.damaged = 0
        for name in store.names(folder):
            try:
                if len(name) == 8 and all(letter in _DIGITS for letter in name):
                    if name[0] == "f":  # none was ever made; what comes behind it would have a longer name
                        self.damaged += 1
                        store.remove(folder + "/" + name)
                        continue
                    self._bytes += store.size(folder + "/" + name)
                    self._numbers.append(int(name, 16))
                elif name.endswith(".part"):
                    store.remove(folder + "/" + name)  # the power went while it was written
            except OSError as error:
                warn("backlog", "cannot be read:", repr(error))
        self._numbers.sort()
        if self._numbers:
            self._next = self._numbers[-1] + 1
        self._first = self._next  # what is below is of an earlier start

    def __len__(self):
        return len(self._numbers)

    def _path(self, number):
        return "%s/%08x" % (self._folder, number)

    # --- writing --------------------------------------------------------------------------------

    def append(self, parcels, evict):
        """Write `parcels`, oldest first, into flash; return how many of them, from the first on, are there now.

        Where they have no room and `evict` is true the oldest segments make it, as long as there are other ones.
        """
        done = 0
        self.failed = False
        while done < len(parcels):
            try:
                count = self._write(parcels, done, evict)
            except MemoryError:
                # What was written so far is told: it would be written again with every try, until flash was full of it.
                gc.collect()
                self.failed = True
                break
            if not count:
                break
            done += count
        return done

    def _write(self, parcels, start, evict):
        """Write one segment of `parcels` from `start` on; return how many it took.

        The newest segment goes into it where it is small: each file takes a block of flash, however short it is.
        """
        if not evict and self._bytes + _LENGTH + len(parcels[start]) > self._limit:
            return 0
        count, old = self._newest(len(parcels[start]))
        room = min(self._most, self._limit - (0 if evict else self._bytes - old)) - _AROUND
        body = old - _AROUND if old else 0
        end = start
        while end < len(parcels) and body + _LENGTH + len(parcels[end]) <= room:
            body += _LENGTH + len(parcels[end])
            end += 1
        if end == start:
            return 0
        while self._bytes - old + body + _AROUND > self._limit:
            if not self._evict(1 if old else 0):
                return 0
        head = struct.pack(_HEAD, _MAGIC, _VERSION, count + end - start, body)
        while True:
            try:
                store.make_folder(self._folder)
                store.write_pieces(self._path(self._next), self._pieces(head, old, parcels[start:end]))
                break
            except OSError as error:
                if error.errno != _ENOSPC or not evict or not self._evict(1 if old else 0):
                    self.failed = True
                    self._warn("backlog", "cannot be written:", repr(error))
                    return 0
        self._numbers.append(self._next)
        self._next += 1
        self._bytes += body + _AROUND
        if old:
            self._remove(-2)  # all of it is in the new one
        return end - start

    def _newest(self, size):
        """Return (records, bytes) of the newest segment where a parcel of `size` bytes fits into it, else (0, 0)."""
        if not self._numbers or (len(self._numbers) == 1 and (self._left or self._out)):
            return 0, 0
        try:
            found = store.size(self._path(self._numbers[-1]))
            if found + _LENGTH + size > self._most:
                return 0, 0
        except OSError:
            found = 0
        count = self._check(self._numbers[-1])
        if not count:
            self._spoilt(-1)
            return 0, 0
        return count, found

    def _pieces(self, head, old, parcels):
        """Yield the bytes of a segment: of the newest one's records, where `old` is true, and of `parcels`."""
        crc = binascii.crc32(head, self._owner)
        yield head
        for each in self._records(self._numbers[-1]) if old else ():
            if self._numbers[-1] < self._first:
                each = parcel.of_earlier_start(each)
            each = struct.pack(">H", len(each)) + each
            crc = binascii.crc32(each, crc)
            yield each
        for each in parcels:
            size = struct.pack(">H", len(each))
            crc = binascii.crc32(each, binascii.crc32(size, crc))
            yield size
            yield each
        yield struct.pack(">I", crc)

    def _evict(self, spare):
        """Drop the oldest segment, but for the newest `spare` and one that is being read; False where there is none."""
        at = 1 if self._left or self._out else 0
        if at >= len(self._numbers) - spare:
            return False
        number = self._numbers[at]
        count = 0
        try:
            with store.reader(self._path(number)) as file:
                count = struct.unpack(_HEAD, file.read(_HEAD_SIZE))[2]
        except (OSError, ValueError):
            self.damaged += 1
        self._remove(at)
        self.dropped += count
        self._warn("backlog", "full, dropped the oldest records:", count, "now,", self.dropped, "so far")
        return True

    # --- reading --------------------------------------------------------------------------------

    def peek(self):
        """Return the next record to send, or None; the last of a segment are waited for before the next is begun."""
        while not self._left:
            if self._out or not self._numbers:
                return None
            self._left = self._check(self._numbers[0])
            self._at = _HEAD_SIZE
            if not self._left:
                self._spoilt(0)
        try:
            with store.reader(self._path(self._numbers[0])) as file:
                file.seek(self._at)
                return file.read(struct.unpack(">H", file.read(_LENGTH))[0])
        except (OSError, ValueError):
            self._left = self._out = 0
            self._spoilt(0)
        return None

    def advance(self, data):
        """The record `data` that `peek` gave is on its way; return (its segment, whether it is of this start)."""
        self._at += _LENGTH + len(data)
        self._left -= 1
        self._out += 1
        return self._numbers[0], self._numbers[0] >= self._first

    def acknowledged(self, number):
        """One of the records of segment `number` arrived, or never will; with the last of it the segment goes."""
        if self._out and number == self._numbers[0]:
            self._out -= 1
            if not self._left and not self._out:
                self._remove(0)

    def last(self):
        """Return (generation, boot counter, number) of the last record in flash, or None."""
        found = None
        try:
            if self._numbers and self._check(self._numbers[-1]):
                for each in self._records(self._numbers[-1]):
                    found = parcel.identity(each)
        except (OSError, ValueError):
            return None  # it could be read a moment ago
        return found

    def _records(self, number):
        """Yield the parcels of a segment that was checked."""
        with store.reader(self._path(number)) as file:
            for _ in range(struct.unpack(_HEAD, file.read(_HEAD_SIZE))[2]):
                yield file.read(struct.unpack(">H", file.read(_LENGTH))[0])

    def _check(self, number):
        """Return how many records the segment holds; 0 where it is not whole, not of this form, or not of this mote."""
        try:
            with store.reader(self._path(number)) as file:
                head = file.read(_HEAD_SIZE)
                if len(head) < _HEAD_SIZE:
                    return 0
                magic, version, count, length = struct.unpack(_HEAD, head)
                if magic != _MAGIC or version != _VERSION:
                    return 0
                if store.size(self._path(number)) != length + _AROUND:
                    return 0
                crc = binascii.crc32(head, self._owner)
                for _ in range(count):
                    size = file.read(_LENGTH)
                    if len(size) < _LENGTH:
                        return 0
                    taken = struct.unpack(">H", size)[0]
                    length -= _LENGTH + taken
                    # Anyone who can write files can make a CRC: no length is believed, and what is read are parcels.
                    if taken < parcel.SHORTEST or taken > _SMALLEST or length < 0:
                        return 0
                    crc = binascii.crc32(file.read(taken), binascii.crc32(size, crc))
                if length:
                    return 0
                return count if file.read(4) == struct.pack(">I", crc) else 0
        except OSError:
            return 0

    def _spoilt(self, at):
        self.damaged += 1
        self._warn("backlog", "dropped a segment that is damaged, or not of this mote")
        self._remove(at)

    def _remove(self, at):
        """Forget the segment at place `at` and remove it; one that cannot be removed is sent again after a start."""
        number = self._numbers.pop(at)
        try:
            path = self._path(number)
            self._bytes -= store.size(path)
            store.remove(path)
        except (OSError, MemoryError) as error:
            self._warn("backlog", "a segment cannot be removed:", repr(error))
