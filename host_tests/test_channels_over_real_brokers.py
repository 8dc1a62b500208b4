"""Each channel from a running mote through a real broker to the gateway, and a command back."""

import queue
import stat
import types

import pytest
import real_brokers
from channel_motes import ChannelMote, add
from ironmote.brokers import endpoint
from ironmote.brokers.mosquitto import MosquittoBroker
from ironmote.brokers.nats import NatsBroker
from ironmote.certificates import Authority
from ironmote.fleet import Fleet
from ironmote.gateway import CommandEnded, Gateway, MessageRefused, RecordSeen, StateSeen
from ironmote.gateway.members import members_of
from mote.channel import CHANNELS

ON_NATS = ("tls+sealed", "tls", "sealed")
WAIT_S = 30


def name_of(channel: str) -> str:
    return channel.replace("+", "-")


@pytest.fixture(scope="module", **real_brokers.BOTH)
def site(request, tmp_path_factory):
    """One mote on every channel that the broker has, all running; the gateway's events by mote."""
    real_brokers.require(request.param)
    channels = ON_NATS if request.param is NatsBroker else CHANNELS
    folder = tmp_path_factory.mktemp("channels")
    fleet, authority = Fleet.create(), Authority.create()
    for channel in channels:
        add(fleet, name_of(channel), channel)
    broker = request.param(fleet, authority, folder / "broker")
    events = {mote: queue.Queue() for mote in fleet.motes}
    gateway = Gateway(
        fleet.id, members_of(fleet), broker.gateway, folder / "gateway.db",
        lambda event: events[event.mote].put(event),
    )  # fmt: skip
    motes = {}
    try:
        broker.start()
        gateway.start()
        for mote in fleet.motes.values():
            motes[mote.id] = ChannelMote(fleet, mote, authority, endpoint(broker, mote).port, folder / mote.id)
            motes[mote.id].board.start()
        yield types.SimpleNamespace(
            broker=broker, gateway=gateway, fleet=fleet, events=events, motes=motes, folder=folder, channels=channels
        )
    finally:
        for each in motes.values():
            each.board.stop()
        gateway.stop()
        broker.stop()


def next_of(site, mote: str, kind):
    """The next event of this kind; those of other kinds are passed over, refusals fail the test."""
    while True:
        event = site.events[mote].get(timeout=WAIT_S)
        assert not isinstance(event, MessageRefused), event
        if isinstance(event, kind):
            return event


@pytest.fixture(params=CHANNELS)
def channel(request, site):
    if request.param not in site.channels:
        pytest.skip("NATS has no TLS with pre-shared keys")
    return request.param


def test_mote_is_heard_says_its_channel_and_obeys(site, channel):
    mote = name_of(channel)
    state = next_of(site, mote, StateSeen).state
    assert (state.online, state.channel) == (True, channel)
    assert state.why
    seen = next_of(site, mote, RecordSeen)
    assert (seen.mote, seen.channel) == (mote, channel)
    assert [reading.name for reading in seen.readings] == ["light"]
    site.gateway.send(mote, "relay", 1)
    ended = next_of(site, mote, CommandEnded)
    assert (ended.result, ended.value) == ("done", 1)
    assert site.motes[mote].said(f"channel {channel}: ") == 1


def test_keys_of_the_psk_listener_are_the_owners_alone(site):
    if not isinstance(site.broker, MosquittoBroker):
        pytest.skip("Mosquitto only")
    path = site.folder / "broker" / "psk.keys"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(line.split(":")[0] for line in path.read_text().splitlines()) == ["tls-psk", "tls-psk-sealed"]
