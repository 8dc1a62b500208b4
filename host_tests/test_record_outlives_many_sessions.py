"""A broker that takes what it is told for hours and acknowledges no record: what it takes in the end is believed."""

from gateway_motes import SealingMote, on_clear
from ironmote.gateway import RecordSeen
from mote import parcel, record
from mote.outbox import Outbox
from mote.record import Reading
from test_gateway_tells_what_may_be_missing import desk

__all__ = ["desk"]  # the fixture

SESSIONS = 200  # more than three times as many as the gateway's window has places


def test_records_that_waited_through_two_hundred_sessions_are_taken_by_the_gateway(desk):
    mote = SealingMote(desk.fleet, "cellar", 1)

    def made(data, since):
        identity = record.identity(*parcel.identity(data))
        return mote.seal("up", record.pack_cbor("cellar/", None, identity, parcel.readings(data)))

    box = Outbox(16, 4, 1400, b"sealed/cellar/up", made, None, False, 0, print)
    for number in range(1, 9):
        box.take(parcel.pack((1, 1, number), None, 0, [Reading("light", "lx", number, None)]), 0)
    for _ in range(SESSIONS):
        # Each begins with a status, which arrives; the records are sent, and the connection ends.
        desk.take(on_clear("sealed/cellar/state", mote.state()))
        while (entry := box.due()) is not None:
            box.number(entry)
            box.sent(entry)
        box.disconnected()
    stored = []
    while (entry := box.due()) is not None:
        box.number(entry)
        box.sent(entry)
        # `take` asserts that nothing is refused.
        stored += [each for each in desk.take(on_clear("sealed/cellar/up", entry.payload)) if type(each) is RecordSeen]
        assert box.acknowledged(entry.packet_id)
    assert sorted(each.number for each in stored) == list(range(1, 9))
    assert box.dropped == 0
