"""A broker may give its packet ids anew: a PUBACK late by one connection would make it forget another message."""

import queue
import time
from pathlib import Path

from gateway_motes import a_fleet
from ironmote.brokers.nats import NatsBroker
from ironmote.certificates import Authority
from ironmote.gateway.zone import Receipt, Zone

WITHIN_S = 60.0


def test_message_of_a_connection_that_broke_is_not_acknowledged_any_more(tmp_path: Path):
    broker = NatsBroker(a_fleet(), Authority.create(), tmp_path / "broker")
    broker.start()
    receipts: queue.Queue[Receipt] = queue.Queue()
    (access,) = [each for each in broker.gateway if each.prefix == "mote"]
    zone = Zone(access, lambda zone, message, receipt: receipts.put(receipt))
    given: list[tuple[int, int]] = []
    try:
        zone.start(WITHIN_S)
        zone.publish("mote/kitchen/down", b"{}")  # it hears itself
        receipt = receipts.get(timeout=WITHIN_S)
        broker.stop()
        deadline = time.monotonic() + WITHIN_S
        while zone._left is None and time.monotonic() < deadline:
            time.sleep(0.05)
        real = zone._client.ack
        zone._client.ack = lambda *words: given.append(words) or real(*words)
        zone.acknowledge(receipt)
        assert given == []
        broker.start()
        again = receipts.get(timeout=WITHIN_S)  # it comes again, and is told then
        zone.acknowledge(again)
        assert given == [(again.packet_id, 1)]
    finally:
        zone.stop()
        broker.stop()
