"""One session of a mote with a broker: `micropython session.py <plan.json>`, run by benchmarks/wire_bytes.py.

The mote's own link, protection and TLS, without a board: connect, subscribe, announce, then send records of one
reading each, a window at a time, until the broker has acknowledged all of them.
"""

import asyncio
import json
import sys

sys.modules["network"] = None  # mote.link names mote.wifi's error; no radio is needed

from collections import namedtuple  # noqa: E402

from mote import channel, keys, link, log, parcel, protect, record, sealed  # noqa: E402
from mote.outbox import Outbox  # noqa: E402

_WAITING = 4  # as many as the link keeps in flight

Broker = namedtuple("Broker", "host port name")
Settings = namedtuple("Settings", "mote broker brokers keepalive_s timeout_ms watchdog_s")


class NoClock:
    """Commands are not part of this."""

    def now(self):
        return None


class Joined:
    """The network is there."""

    async def join(self, timeout_ms):
        pass

    def connected(self):
        return True


def _file(path):
    with open(path, "rb") as file:
        return file.read()


def _protection(plan, mote_id, root, fleet):
    """What the app would compose for this channel, and what secures the connection."""
    carrier, seals = channel.parts(plan["channel"])
    tls = None
    if carrier == channel.TLS:
        from mote.tls import Tls

        tls = Tls("localhost", _file(plan["ca"]), _file(plan["cert"]), _file(plan["key"]))
    elif carrier == channel.TLS_PSK:
        from mote.psk import Psk

        tls = Psk("localhost", mote_id, keys.subkey(root, fleet, keys.PSK))
    if not seals:
        return protect.InTls(mote_id, NoClock(), 1), tls
    epoch = sealed.make_epoch(1, plan["boot"], b"8 random")
    kind = protect.Sealed if tls is None else protect.SealedInTls
    return kind(mote_id, plan["zone"], fleet, root, epoch, plan["boot"], True, 60000), tls


async def _run(plan):
    mote_id = plan["mote"]
    protection, tls = _protection(plan, mote_id, bytes.fromhex(plan["root"]), bytes.fromhex(plan["fleet"]))
    broker = Broker("127.0.0.1", plan["port"], "localhost")
    settings = Settings(mote_id, broker, [broker], 60, 10000, 0)

    def status(connection, online):
        said = {"online": online, "boot": plan["boot"], "connection": connection}
        if online:
            said.update(plan["status"])
        return said

    def make(data, since):
        name = record.identity(*parcel.identity(data))
        return protection.up(parcel.taken(data, None, None), name, parcel.readings(data))

    topic = protection.topic("up")
    outbox = Outbox(32, link.WINDOW, link.PAYLOAD, topic, make, None, False, 0, log.warn)
    the_link = link.Link(settings, Joined(), protection, tls, outbox, lambda payload: None, status)
    task = asyncio.create_task(the_link.run())
    while the_link.acknowledged < 1:  # the status
        await asyncio.sleep_ms(5)
    for number in range(plan["count"]):
        readings = [record.Reading("temperature", "Cel", 21.37 + number % 100 / 100, None)]
        outbox.take(parcel.pack((1, plan["boot"], number + 1), plan["time"] + number, 0, readings), 0)
        while len(outbox) >= _WAITING:
            await asyncio.sleep_ms(5)
    while len(outbox):
        await asyncio.sleep_ms(5)
    task.cancel()
    await asyncio.sleep_ms(0)
    print("sessions", the_link.connection, "acknowledged", the_link.acknowledged)


with open(sys.argv[1]) as file:
    asyncio.run(_run(json.load(file)))
