"""A mote on another channel than its profile's is an alert, by where it is heard and by what it says of itself."""

import json
from pathlib import Path

import pytest
from gateway_bench import Bench, Client
from gateway_motes import SealingMote, a_fleet, on_clear, on_home, trusts_of
from ironmote.brokers.nats import NatsBroker
from ironmote.fleet import HOME
from ironmote.gateway import MessageRefused, StateSeen
from ironmote.gateway.members import members_of
from ironmote.gateway.uplink import Message, NotBelieved, Uplink
from mote.channel import CHANNELS

# Two brokers, as with NATS: those who seal inside TLS are heard in their own zone.
TWO_BROKERS = (("home", "mote"), ("home", "sealed"), ("clear", "sealed"))
# One broker, as with Mosquitto: all that is sealed comes by one connection.
ONE_BROKER = (("home", "mote"), ("clear", "sealed"))


def uplink_for(channel: str, zones):
    fleet = a_fleet()
    fleet.motes["cellar"].channel, fleet.motes["cellar"].zone = channel, HOME
    return fleet, Uplink(members_of(fleet), trusts_of(fleet), zones)


def refused(uplink: Uplink, message: Message) -> NotBelieved:
    with pytest.raises(NotBelieved) as caught:
        uplink.take(message)
    return caught.value


@pytest.mark.parametrize("channel", ["tls+sealed", "tls-psk+sealed"])
def test_mote_that_seals_inside_tls_and_is_heard_in_the_clear_zone_is_an_alert(channel):
    fleet, uplink = uplink_for(channel, TWO_BROKERS)
    mote = SealingMote(fleet, "cellar")
    error = refused(uplink, on_clear("sealed/cellar/up", mote.up()))
    assert error.alert
    assert f"lesser channel than {channel}" in error.why
    taken = uplink.take(Message("home", "sealed", "sealed/cellar/up", mote.up()))
    assert taken.content.identity == (1, 1, 2)


def test_mote_that_seals_inside_tls_is_heard_where_one_broker_has_both_zones():
    fleet, uplink = uplink_for("tls-psk+sealed", ONE_BROKER)
    assert uplink.take(on_clear("sealed/cellar/up", SealingMote(fleet, "cellar").up())).member.id == "cellar"


@pytest.mark.parametrize("said", CHANNELS)
def test_state_that_claims_another_channel_than_the_pinned_one_is_an_alert(said):
    fleet, uplink = uplink_for("tls+sealed", TWO_BROKERS)
    message = Message("home", "sealed", "sealed/cellar/state", SealingMote(fleet, "cellar").state(channel=said))
    if said == "tls+sealed":
        assert uplink.take(message).content.channel == said
        return
    error = refused(uplink, message)
    assert error.alert
    assert error.why == f"says that its channel is {said}, and its profile demands tls+sealed"


def test_state_inside_tls_that_claims_another_channel_is_an_alert():
    _, uplink = uplink_for("sealed", ONE_BROKER)
    status = {"online": True, "boot": 1, "connection": 1, "channel": "tls-psk"}
    error = refused(uplink, on_home("mote/kitchen/state", json.dumps(status).encode()))
    assert error.alert
    assert "profile demands tls" in error.why


def test_running_gateway_alerts_the_owner_to_a_claim_and_goes_on(tmp_path: Path):
    bench = Bench(NatsBroker, tmp_path)
    mote = SealingMote(bench.fleet, "cellar")
    client = Client(bench.broker, bench.fleet, mote)
    try:
        client.publish("state", mote.state(channel="tls"))
        event = bench.next(MessageRefused)
        assert event.alert
        assert event.why == "says that its channel is tls, and its profile demands sealed"
        client.publish("state", mote.state(channel="sealed"))
        assert bench.next(StateSeen).state.channel == "sealed"
    finally:
        client.close()
        bench.gateway.stop()
        bench.broker.stop()
