"""One MQTT client under a load: `micropython compare.py <plan.json>`, run by benchmarks/link_compare.py.

`mote`   the mote's own link: a window in flight, an outbox, deadlines
`waits`  asyncio, one message in flight, sent again after a timeout, a bounded queue: the pattern of mqtt_as
`umqtt`  umqtt.simple as its examples have it: publish waits for its PUBACK, an OSError is a new connection

With a period readings come on time, as from a sensor: who is busy misses them, and where there is a queue it has 32
places. With period 0 the next reading is there as soon as the client takes it. Prints how many there were, and in how
many ms.
"""

import asyncio
import json
import sys
import time

sys.modules["network"] = None  # mote.link names mote.wifi's error; no radio is needed

_QUEUE = 32
_TIMEOUT_MS = 2000


def _mote(plan):
    from collections import namedtuple

    from mote import link, log, parcel, protect, record, sealed
    from mote.outbox import Outbox

    class Joined:
        async def join(self, timeout_ms):
            pass

        def connected(self):
            return True

    broker = namedtuple("Broker", "host port name")("127.0.0.1", plan["port"], "localhost")
    kind = namedtuple("Settings", "mote broker brokers keepalive_s timeout_ms watchdog_s")
    settings = kind(plan["mote"], broker, [broker], 5, _TIMEOUT_MS, 0)
    fleet, root = bytes.fromhex(plan["fleet"]), bytes.fromhex(plan["root"])
    epoch = sealed.make_epoch(1, plan["boot"], b"8 random")
    protection = protect.Sealed(plan["mote"], "clear", fleet, root, epoch, plan["boot"], True, 60000)

    def make(data, since):
        return protection.up(None, record.identity(*parcel.identity(data)), parcel.readings(data))

    outbox = Outbox(_QUEUE, link.WINDOW, link.PAYLOAD, protection.topic("up"), make, None, False, 0, log.warn)
    status = lambda connection, online: {"online": online, "boot": plan["boot"], "connection": connection}  # noqa: E731
    the_link = link.Link(settings, Joined(), protection, None, outbox, lambda payload: None, status)

    def put(number):
        readings = [record.Reading("temperature", "Cel", 21.37, None)]
        outbox.take(parcel.pack((1, plan["boot"], number), None, 0, readings), 0)

    return the_link.run(), put, lambda: len(outbox) >= link.WINDOW * 2, lambda: len(outbox) == 0, None


class Waits:
    """One message in flight over asyncio's streams."""

    def __init__(self, plan):
        self._plan = plan
        self.queue = []
        self._id = 0

    def put(self, number):
        if len(self.queue) >= _QUEUE:
            del self.queue[0]
        self.queue.append(number)

    async def run(self):
        while True:
            try:
                await self._session()
            except (OSError, EOFError, ValueError, asyncio.TimeoutError):  # noqa: UP041  a class of MicroPython
                await asyncio.sleep_ms(500)

    async def _session(self):
        plan = self._plan
        opening = asyncio.open_connection("127.0.0.1", plan["port"])
        reader, writer = await asyncio.wait_for_ms(opening, _TIMEOUT_MS)
        try:
            writer.write(_connect(plan))
            await writer.drain()
            await asyncio.wait_for_ms(reader.readexactly(4), _TIMEOUT_MS)
            while True:
                while not self.queue:
                    await asyncio.sleep_ms(5)
                number = self.queue[0]
                self._id = self._id % 65535 + 1
                writer.write(_publish(plan, number, self._id))
                await writer.drain()
                await asyncio.wait_for_ms(reader.readexactly(4), _TIMEOUT_MS)
                if self.queue and self.queue[0] == number:
                    del self.queue[0]
        finally:
            writer.close()


def _string(text):
    data = text.encode() if isinstance(text, str) else text
    return len(data).to_bytes(2, "big") + data


def _packet(first, body):
    length = bytearray()
    left = len(body)
    while left > 127:
        length.append(left & 127 | 128)
        left >>= 7
    length.append(left)
    return bytes([first]) + bytes(length) + body


def _connect(plan):
    words = _string(plan["mote"]) * 2 + _string(plan["password"])
    return _packet(0x10, b"\0\x04MQTT\x04\xc2\0\x3c" + words)


def _payload(number):
    # As long as a sealed record of one reading.
    return b'[{"bn":"bench/","ri":"1.1.%06d","n":"temperature","u":"Cel","v":21.37}]%50s' % (number, "")


def _publish(plan, number, packet_id):
    return _packet(0x32, _string(plan["topic"]) + packet_id.to_bytes(2, "big") + _payload(number))


def _waits(plan):
    client = Waits(plan)
    return client.run(), client.put, lambda: len(client.queue) >= 8, lambda: not client.queue, None


def _umqtt(plan):
    from umqtt.simple import MQTTClient

    def make():
        client = MQTTClient(plan["mote"], "127.0.0.1", plan["port"], plan["mote"], plan["password"], keepalive=60)
        client.connect()
        return client

    clients = [make()]

    def put(number):
        try:
            clients[0].publish(plan["topic"].encode(), _payload(number), qos=1)
        except OSError:
            try:
                clients[0] = make()
            except Exception as error:  # the broker is not there yet; umqtt has more than one word for it
                print("umqtt:", repr(error))
                time.sleep_ms(100)

    return None, put, lambda: False, lambda: True, None


async def _load(plan, parts):
    run, put, busy, empty, _ = parts
    task = asyncio.create_task(run) if run else None
    await asyncio.sleep_ms(plan["settle_ms"])
    print("begins")
    begin = due = time.ticks_ms()
    number = 0
    while True:
        now = time.ticks_ms()
        if plan["period_ms"]:
            if time.ticks_diff(now, begin) >= plan["for_ms"]:
                break
            # A reading that nobody was there to take is gone.
            missed = time.ticks_diff(now, due) // plan["period_ms"]
            number += max(missed, 0) + 1
            due = time.ticks_add(due, (max(missed, 0) + 1) * plan["period_ms"])
            put(number)
            await asyncio.sleep_ms(max(0, time.ticks_diff(due, time.ticks_ms())))
        else:
            if number >= plan["count"]:
                break
            number += 1
            put(number)
            while busy():
                await asyncio.sleep_ms(1)
    end = time.ticks_ms()
    while not empty() and time.ticks_diff(time.ticks_ms(), end) < plan["drain_ms"]:
        await asyncio.sleep_ms(1)
    print("done", number, time.ticks_diff(time.ticks_ms(), begin))
    if task:
        task.cancel()


with open(sys.argv[1]) as file:
    plan = json.load(file)
asyncio.run(_load(plan, {"mote": _mote, "waits": _waits, "umqtt": _umqtt}[plan["client"]](plan)))
