"""A broker in the mote's own process: it reads what the mote sends packet by packet, and answers as it should.

For simulated time (swift) over an inner_net. Whoever wants another broker overrides `takes`.
"""

CONNECT, PUBLISH, PUBACK, SUBSCRIBE, PINGREQ, DISCONNECT = 1, 3, 4, 8, 12, 14


def packet(first, body):
    """Return an MQTT packet (3.1.1, 2.2)."""
    length = bytearray()
    left = len(body)
    while left > 0x7F:
        length.append(left & 0x7F | 0x80)
        left >>= 7
    length.append(left)
    return bytes((first,)) + bytes(length) + body


def publish(topic, payload, first=0x32, packet_id=7):
    """Return a PUBLISH at QoS 1, or as `first` has it."""
    number = bytes((packet_id >> 8, packet_id & 0xFF)) if first & 6 else b""
    return packet(first, bytes((len(topic) >> 8, len(topic) & 0xFF)) + topic + number + payload)


class Broker:
    """Answers each packet of the mote. `records` counts those it acknowledged, `sessions` the CONNECTs."""

    def __init__(self):
        self.records = self.pings = self.answers = self.sessions = 0
        self.link = None  # the connection that is open
        self._data = bytearray()
        self.last = None  # topic and payload of the last PUBLISH of the mote

    def connected(self, link):
        """The mote has dialled."""
        self.link = link
        self._data = bytearray()

    def heard(self, link, data):
        """Bytes from the mote."""
        if link is not self.link:
            return
        self._data += data
        while True:
            size = self._whole()
            if not size:
                return
            # A copy of the tail: MicroPython's bytearray cannot delete from its front.
            first, head = self._data[0], self._head
            body = bytes(self._data[head:size])
            self._data = self._data[size:]
            self.takes(link, first, body)

    def _whole(self):
        """Return the size of the first packet where it is all there, else 0."""
        length = shift = 0
        for at in range(1, min(len(self._data), 5)):
            byte = self._data[at]
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                self._head = at + 1
                return at + 1 + length if len(self._data) >= at + 1 + length else 0
        return 0

    def takes(self, link, first, body):
        """Answer one packet."""
        kind = first >> 4
        if kind == CONNECT:
            self.sessions += 1
            link.say(b"\x20\x02\0\0")
        elif kind == SUBSCRIBE:
            link.say(b"\x90\x03" + body[:2] + b"\x01")
        elif kind == PINGREQ:
            self.pings += 1
            link.say(b"\xd0\0")
        elif kind == PUBLISH:
            end = 2 + (body[0] << 8 | body[1])
            self.last = bytes(body[2:end]), body[end + 2 :]
            self.records += self.last[0][-3:] == b"/up"
            self.answers += self.last[0][-4:] == b"/ack"
            link.say(b"\x40\x02" + body[end : end + 2])


class Commander:
    """A gateway that knows the keys of one mote: seals orders to it, each on the last uplink that it was shown."""

    def __init__(self, mote_id, fleet, root):
        self._id = mote_id
        self._fleet = fleet
        self._root = root
        self._context = None
        self._anchor = None
        self.sent = 0

    def sees(self, payload):
        """Take an uplink of the mote."""
        from mote import keys, sealed

        envelope = sealed.parse(payload, sealed.MAX_UP)
        self._anchor = envelope.sequence
        if self._context is None or self._epoch != envelope.epoch:
            self._epoch = envelope.epoch
            key = keys.subkey(self._root, self._fleet, keys.SEAL)
            self._context = sealed.Context(key, self._fleet, sealed.DOWNLINK + b"sixsix", envelope.epoch)

    def order(self, name, value):
        """Return the next command, sealed."""
        from mote import command, topics

        self.sent += 1
        order = command.Command(self.sent.to_bytes(8, "big"), name, value, self._anchor, 2000000000, None)
        return self._context.seal(self.sent, topics.name(self._id, "down"), command.encode_command_cbor(order))
