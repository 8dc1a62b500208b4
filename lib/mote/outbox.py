"""What waits to be acknowledged by the broker. Nothing leaves before its PUBACK, and whatever is dropped is counted.

Two kinds. Notes (answers, status) are sealed when they are put, few, and never wait behind records. Records wait as
parcels: in RAM first, in flash (the backlog) when that is full or they have waited for long. They are sealed, or made
JSON, when they enter the window; from then on the bytes and the packet id stay, over a few connections too, until a
new epoch, another start or the way into flash: then they are sealed anew, under the identity that they were taken with.
"""

from mote import const, parcel

_LAST_ID = const(0xFFFF)
_NOTES = const(8)
_RECORD_BYTES = const(128)  # what a record takes in RAM, on average, for which there is room
_RETRY_MS = const(60_000)  # a file system that failed is not asked for every record
# A gateway takes nothing that is 64 messages older than the newest it has. Each connection brings new ones (its status,
# answers), so what was sealed so many connections ago is sealed anew, long before it would be too old to be believed.
_CONNECTIONS = const(4)


class Entry:
    """A message: `topic` and `payload` as bytes, `packet_id` 0 until it has been sent once.

    A record has its `parcel` too; `stored` is the segment that holds it as well, or None, `since` whether it is of
    this start, `ended` how many connections ended since its payload was made, `went_ms` when it was sent last.
    """

    def __init__(self, topic, payload, retain, data=None, stored=None, since=True):
        self.topic = topic
        self.payload = payload
        self.retain = retain
        self.packet_id = 0
        self.in_flight = False
        self.parcel = data
        self.stored = stored
        self.since = since
        self.ended = 0
        self.went_ms = 0


class Outbox:
    """At most `size` records in RAM beside the `window` of those that are in flight at once, and `backlog` or None.

    A message has at most `limit` bytes. `make(parcel, since)` returns the payload of a record for `topic`, or raises
    ValueError where it is none; `since` says that the parcel was made since the start. With `newest` it is the newest
    record that is dropped where there is no room, else the oldest. After `keep_ms` (0: never) records go into flash.
    `warn(who, *words)` tells the console.
    """

    def __init__(self, size, window, limit, topic, make, backlog, newest, keep_ms, warn):
        self._notes = []
        self._window = []
        self._queue = []
        self._bytes = 0
        self._size = size
        self._room = max(size * _RECORD_BYTES, limit)
        self._places = window
        self._limit = limit
        self._topic = topic
        self._make = make
        self._backlog = backlog
        self._newest = newest
        self._keep_ms = keep_ms
        self._warn = warn
        self._last_id = 0
        self._stored_next = False
        self._retry_ms = 0
        self._dropped = 0

    def __len__(self):
        """How many messages are in RAM."""
        return len(self._notes) + len(self._window) + len(self._queue)

    @property
    def empty(self):
        """True where nothing waits, in RAM or in flash."""
        return not len(self) and not self._backlog

    @property
    def dropped(self):
        """How many records were dropped since the start of this boot, wherever they were."""
        return self._dropped + (self._backlog.dropped if self._backlog is not None else 0)

    @property
    def damaged(self):
        """How many segments of the backlog could not be read since the start."""
        return self._backlog.damaged if self._backlog is not None else 0

    # --- records --------------------------------------------------------------------------------

    def resume(self, dropped):
        """Count on from `dropped`, as many as there were before a deep sleep."""
        self._dropped = dropped

    def take(self, data, ms):
        """Queue the parcel `data`, `ms` milliseconds after the start."""
        if len(data) > self._limit:
            self.missed(parcel.identity(data), "too long")
            return
        if self._full(data):
            self._spill(ms, not self._newest)
        while self._full(data):
            if self._newest:
                self.missed(parcel.identity(data), "no room")
                return
            self.missed(parcel.identity(self._leave(0)), "no room")
        self._queue.append(data)
        self._bytes += len(data)

    def missed(self, identity, why):
        """Count a record that is lost; it is said of the first, the second, the fourth, the eighth and so on."""
        self._dropped += 1
        if not self._dropped & self._dropped - 1:
            self._warn("outbox", "dropped", self._dropped, "so far, now %d.%d.%d:" % identity, why)

    def tick(self, ms):
        """Put what has waited for long into flash; call it every second or so."""
        if self._keep_ms:
            oldest = self._waiting(1)
            if oldest and (parcel.waited(oldest[0], ms) or 0) > self._keep_ms:
                self._spill(ms, False)  # nothing older is dropped for this: there is room in RAM

    def save(self):
        """Put all records into flash, before a reset that is planned or deep sleep; return how many are in RAM still.

        Nothing is acknowledged from here on: end the session first, or let it end.
        """
        self.disconnected()
        self._retry_ms = 0
        self._spill(0, not self._newest)
        left = len(self._waiting(self._size + self._places))
        if left:
            self._warn("outbox", "could not save", left, "records")
        return left

    def _full(self, data):
        return len(self._queue) >= self._size or self._bytes + len(data) > self._room

    def _leave(self, at):
        data = self._queue.pop(at)
        self._bytes -= len(data)
        return data

    def rest(self):
        """Return the parcels that are in RAM alone, before deep sleep: the session is over."""
        self.disconnected()
        return self._waiting(self._size + self._places)

    def _waiting(self, most):
        """Return the first parcels, at most `most`, that are in RAM alone and for which no PUBACK is on its way."""
        found = [entry.parcel for entry in self._window if entry.stored is None and not entry.in_flight]
        return (found + self._queue[:most])[:most]

    def _spill(self, ms, evict):
        """Put into flash what waits in RAM, as far as there is room for it."""
        if self._backlog is None or ms < self._retry_ms:
            return
        written = self._backlog.append(self._waiting(self._size + self._places), evict)
        if self._backlog.failed:
            self._retry_ms = ms + _RETRY_MS
        for entry in list(self._window):
            if written and entry.stored is None and not entry.in_flight:
                self._window.remove(entry)
                written -= 1
        while written:
            self._leave(0)
            written -= 1

    # --- notes ----------------------------------------------------------------------------------

    def put(self, topic, payload, retain=False, latest=False):
        """Queue a note; where there are too many the oldest that is not in flight is dropped.

        So is one over the limit: no packet can hold it, and it would be in the way for ever. With `latest` it takes the
        place of those for the same topic that are not in flight: they would only keep records waiting, and memory.
        """
        if len(payload) > self._limit:
            return
        if latest:
            self._notes = [entry for entry in self._notes if entry.in_flight or entry.topic != topic]
        if len(self._notes) >= _NOTES:
            for i, entry in enumerate(self._notes):
                if not entry.in_flight:
                    del self._notes[i]
                    break
            else:
                return
        self._notes.append(Entry(topic, payload, retain))

    # --- the window -----------------------------------------------------------------------------

    def due(self):
        """Return the next message to send, or None: nothing is left, or the window is full."""
        for entry in self._notes:
            if not entry.in_flight:
                return entry
        for entry in self._window:
            if not entry.in_flight and (entry.payload is not None or self._fill(entry)):
                return entry
        while len(self._window) < self._places:
            entry = self._next()
            if entry is None:
                return None
            if self._fill(entry):
                return entry
        return None

    def _next(self):
        """Take a record into the window; those in RAM and those in flash take turns."""
        found = self._backlog.peek() if self._backlog and (self._stored_next or not self._queue) else None
        self._stored_next = found is None
        if found is not None:
            entry = Entry(self._topic, None, False, found)
            self._window.append(entry)
            entry.stored, entry.since = self._backlog.advance(found)
            return entry
        if not self._queue:
            return None
        entry = Entry(self._topic, None, False, self._queue[0])
        self._window.append(entry)
        self._leave(0)
        return entry

    def _fill(self, entry):
        """Make the payload of `entry`; one that has none is dropped, and False returned."""
        try:
            entry.payload = self._make(entry.parcel, entry.since)
            if len(entry.payload) <= self._limit:
                return True
        except (ValueError, TypeError):
            pass
        self.drop(entry)
        return False

    def sent(self, entry, ms=0):
        """Mark `entry` as in flight since `ms`; it has a packet id from now on, and keeps it."""
        entry.in_flight = True
        entry.went_ms = ms

    def number(self, entry):
        """Return the packet id of `entry`, a free one on its first sending."""
        if not entry.packet_id:
            entry.packet_id = self.next_id()
        return entry.packet_id

    def next_id(self):
        """Return a packet id that no message has: 1 to 65,535, never 0 (MQTT 3.1.1, 2.3.1)."""
        taken = True
        while taken:
            self._last_id = self._last_id % _LAST_ID + 1
            taken = any(self._last_id == each.packet_id for each in self._notes + self._window)
        return self._last_id

    def acknowledged(self, packet_id):
        """Remove the message with this packet id; return whether it was a record, None where none is in flight."""
        for entries in (self._notes, self._window):
            for entry in entries:
                if entry.in_flight and entry.packet_id == packet_id:
                    entries.remove(entry)
                    if entry.stored is not None:
                        self._backlog.acknowledged(entry.stored)
                    return entry.parcel is not None
        return None

    def drop(self, entry):
        """Take out `entry`, which cannot be sent, and count it where it is a record."""
        if entry.parcel is None:
            self._notes.remove(entry)
            return
        self._window.remove(entry)
        if entry.stored is not None:
            self._backlog.acknowledged(entry.stored)
        self.missed(parcel.identity(entry.parcel), "no message can hold it")

    def in_flight(self):
        """True while a message waits for its PUBACK."""
        return any(entry.in_flight for entry in self._notes + self._window)

    def overdue(self, ms):
        """True while a message waits for its PUBACK that was sent before `ms`."""
        return any(entry.in_flight and entry.went_ms < ms for entry in self._notes + self._window)

    def disconnected(self):
        """All that was in flight is due again; records that were sealed too many connections ago are sealed anew."""
        for entry in self._notes + self._window:
            entry.in_flight = False
            entry.ended += 1
        for entry in self._window:
            if entry.ended >= _CONNECTIONS:
                self._remake(entry)

    def renewed(self):
        """A new epoch has begun: records in the window are sealed anew."""
        for entry in self._window:
            self._remake(entry)

    @staticmethod
    def _remake(entry):
        entry.payload = None
        entry.packet_id = entry.ended = 0
        entry.in_flight = False
