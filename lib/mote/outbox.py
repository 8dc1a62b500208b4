"""What waits to be acknowledged by the broker: a bounded queue that counts what it drops.

Entries leave only when their PUBACK came. A window of them is in flight at a time; after a new
connection all are due again, in order, with the same bytes.
"""

from mote import const

_LAST_ID = const(0xFFFF)


class Entry:
    """A message: `topic` and `payload` as bytes, `packet_id` 0 until it has been sent once."""

    def __init__(self, topic, payload, retain):
        self.topic = topic
        self.payload = payload
        self.retain = retain
        self.packet_id = 0
        self.in_flight = False


class Outbox:
    """At most `size` messages of at most `limit` bytes each, of which `window` are in flight at once."""

    def __init__(self, size, window, limit):
        self._entries = []
        self._size = size
        self._window = window
        self._limit = limit
        self._last_id = 0
        self.dropped = 0

    def __len__(self):
        return len(self._entries)

    def put(self, topic, payload, retain=False):
        """Queue a message; where the queue is full the oldest that is not in flight is dropped and counted.

        A message over the limit is itself dropped: no packet can hold it, and it would be in the way for ever.
        """
        if len(payload) > self._limit:
            self.dropped += 1
            return
        if len(self._entries) >= self._size:
            for i, entry in enumerate(self._entries):
                if not entry.in_flight:
                    del self._entries[i]
                    break
            else:
                self.dropped += 1  # the window is the whole queue: the new one has no place
                return
            self.dropped += 1
        self._entries.append(Entry(topic, payload, retain))

    def due(self):
        """Return the next message to send, or None: nothing is left, or the window is full."""
        for i, entry in enumerate(self._entries):
            if i >= self._window:
                return None
            if not entry.in_flight:
                return entry
        return None

    def sent(self, entry):
        """Mark `entry` as in flight; it has a packet id from now on, and keeps it."""
        entry.in_flight = True

    def number(self, entry):
        """Return the packet id of `entry`, a free one on its first sending."""
        if not entry.packet_id:
            taken = True
            while taken:
                self._last_id = self._last_id % _LAST_ID + 1  # 1 to 65,535, never 0 (MQTT 3.1.1, 2.3.1)
                taken = any(other.packet_id == self._last_id for other in self._entries)
            entry.packet_id = self._last_id
        return entry.packet_id

    def acknowledged(self, packet_id):
        """Remove the message with this packet id; return False where none is in flight under it."""
        for i, entry in enumerate(self._entries):
            if entry.in_flight and entry.packet_id == packet_id:
                del self._entries[i]
                return True
        return False

    def drop(self, entry):
        """Take out `entry`, which cannot be sent, and count it."""
        self._entries.remove(entry)
        self.dropped += 1

    def in_flight(self):
        """True while a message waits for its PUBACK."""
        return any(entry.in_flight for entry in self._entries)

    def reconnected(self):
        """All that was in flight is due again."""
        for entry in self._entries:
            entry.in_flight = False
