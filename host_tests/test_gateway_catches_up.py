"""A gateway that was away takes what its broker kept: many boots' worth, in whichever order it comes."""

import clients
from clients import gateway
from gateway_bench import Bench, Client
from gateway_motes import SealingMote
from ironmote.gateway import MessageRefused, MoteConfirmed, RecordSeen, StateSeen

BOOTS = range(2, 8)  # more than the epochs that a gateway keeps
RECORDS = 100  # in each boot: more than a window


def all_of(bench: Bench, boots: range) -> None:
    """Take the events of `boots`, in their order; nothing is refused, and nothing comes twice or too little."""
    seen: list[tuple[int, int]] = []
    state = None
    while len(seen) < len(boots) * RECORDS or state != boots[-1]:
        event = bench.events.get(timeout=40)
        assert not isinstance(event, MessageRefused), event
        if isinstance(event, RecordSeen):
            seen.append((event.boot, event.number))
        elif isinstance(event, StateSeen):
            state = event.state.boot
    assert seen == [(boot, number) for boot in boots for number in range(1, RECORDS + 1)]
    bench.gateway.stop()
    assert bench.gateway.lost == {"cellar": 0}
    assert bench.rows("SELECT COUNT(*) FROM refusals") == [(0,)]


def say(bench: Bench, client: Client, boots: range) -> None:
    """Be a mote that starts anew again and again, and has much to say each time."""
    for boot in boots:
        client.mote = mote = SealingMote(bench.fleet, "cellar", boot)
        client.publish("state", mote.state(channel="sealed"))
        for _ in range(RECORDS):
            client.publish("up", mote.up())
        client.publish("state", mote.state(channel="sealed"))


def confirmed(bench: Bench) -> Client:
    """A mote in its first boot, of which the gateway knows that it is there."""
    mote = SealingMote(bench.fleet, "cellar")
    client = Client(bench.broker, bench.fleet, mote)
    client.publish("state", mote.state(channel="sealed"))
    while not isinstance(bench.events.get(timeout=10), MoteConfirmed):
        pass
    return client


def test_records_of_more_boots_than_epochs_are_kept_all_arrive_once(bench: Bench):
    client = confirmed(bench)
    bench.gateway.stop()
    say(bench, client, BOOTS)
    bench.gateway = bench.start_gateway()
    all_of(bench, BOOTS)
    client.close()


def test_what_a_gateway_had_not_acknowledged_when_it_died_comes_first_at_its_successor(bench: Bench):
    client = confirmed(bench)
    bench.gateway.stop()
    access = next(each for each in bench.broker.gateway if each.prefix == "sealed")
    dead = gateway(access, clean=False)
    dead.keep_unacknowledged()
    assert dead.connect(access.host, access.port)
    say(bench, client, BOOTS)
    assert dead.hears_something()
    clients.settle()
    dead.drop()
    bench.gateway = bench.start_gateway()
    all_of(bench, BOOTS)
    client.close()
