"""A mote on each kind of board: from the file that its owner writes to a verified reading, over a real broker."""

import time

import pytest
from ironmote import boards, mote_file, provision
from ironmote.brokers import SERVER_NAME, endpoint
from ironmote.brokers.nats import NatsBroker
from ironmote.certificates import Authority
from ironmote.fleet import CLEAR, HOME, Fleet
from ironmote.gateway import Gateway, RecordSeen, StateSeen
from ironmote.gateway.members import members_of
from ironmote.mote_file import Known
from ironmote.simulate import SimulatedMote

WITHIN_S = 60.0


def table(profile):
    """What an owner of this board would write: sensors on the buses, an analog one, and what is driven."""
    pins = profile.pins
    analog = 0 if pins.adc_apart else max(pins.adc - set(pins.strapping) - wired(profile))
    return {
        "board": profile.name,
        "sample_ms": 300,
        "sensor": [
            {"kind": "bh1750", "address": 0x23, "names": {"illuminance": "light"}},
            {"kind": "ds18b20", "names": {"temperature": "water"}},
            {"kind": "ntc", "pin": analog, "grounded": True, "r_series": 10_000, "r_25": 10_000, "beta": 3984,
             "names": {"temperature": "boiler"}},
        ],
        "actuator": [
            {"kind": "relay", "name": "pump", "pin": profile.wiring.relay, "safe": 0},
            {"kind": "dimmer", "name": "lamp", "pin": profile.wiring.dimmer, "safe": 0},
        ],
    }  # fmt: skip


def wired(profile):
    wiring = profile.wiring
    return {wiring.i2c_sda, wiring.i2c_scl, wiring.onewire, wiring.relay, wiring.dimmer}


class Site:
    """A fleet with a mote on each kind of board, called like it, its broker and its gateway."""

    def __init__(self, folder):
        self.folder = folder
        self.fleet, self.authority = Fleet.create(), Authority.create()
        for name in boards.names():
            mote = self.fleet.add(name, name)
            room = boards.load(name).room
            mote.channel = "tls" if room else "sealed"
            mote.zone = HOME if room else CLEAR
            mote.connect = "static"
        self.broker = NatsBroker(self.fleet, self.authority, folder / "broker")
        self.broker.start()
        self.events = []
        self.gateway = Gateway(
            self.fleet.id, members_of(self.fleet), self.broker.gateway, folder / "g.db", self.events.append
        )
        self.gateway.start()

    def close(self):
        self.gateway.stop()
        self.broker.stop()

    def mote(self, name, **more):
        mote, profile = self.fleet.motes[name], boards.load(name)
        file = mote_file.of_table(table(profile) | more, name)
        known = Known(
            mote=name, fleet=self.fleet.id, zone=mote.zone, generation=1, channel=mote.channel, wifi={"ssid": "home"},
            broker={"host": "127.0.0.1", "port": endpoint(self.broker, mote).port, "name": SERVER_NAME},
            clock_floor=int(time.time()) - 60, connect=mote.connect,
        )  # fmt: skip
        credential = self.authority.issue(name) if mote.certified else None
        made = SimulatedMote(
            profile,
            mote_file.compile(file, profile, known),
            provision.secrets_for(mote, b"passphrase", credential),
            {} if credential is None else {"/ca.der": self.authority.ca_der, "/cert.der": credential.cert_der},
            self.folder / name,
        )
        made.build()
        return made

    def of(self, kind, name):
        return [event for event in list(self.events) if isinstance(event, kind) and event.mote == name]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    made = Site(tmp_path_factory.mktemp("boards"))
    yield made
    made.close()


def runs(mote, until):
    """Switch `mote` on until the condition holds."""
    mote.start()
    try:
        deadline = time.monotonic() + WITHIN_S
        while not until():
            assert mote.alive, "\n".join(mote.console)
            assert time.monotonic() < deadline, "\n".join(mote.console)
            time.sleep(0.02)
    finally:
        mote.stop()


@pytest.mark.parametrize("name", boards.names())
def test_mote_on_this_board_is_heard_on_the_channel_of_its_profile(site, name):
    mote = site.mote(name)
    runs(mote, lambda: site.of(RecordSeen, name) and site.of(StateSeen, name))
    record = site.of(RecordSeen, name)[0]
    assert {reading.name for reading in record.readings} >= {"light", "water", "boiler"}
    assert site.of(StateSeen, name)[0].state.board == name
    assert mote.restarts == 0


def test_board_without_rtc_memory_begins_an_epoch_at_each_waking(site):
    name = "pico-w"
    assert not boards.load(name).rtc_memory
    before = {seen.state.boot for seen in site.of(StateSeen, name)}
    runs(
        site.mote(name, sleep_ms=200, listen_ms=100),
        lambda: len({seen.state.boot for seen in site.of(StateSeen, name)} - before) >= 2,
    )
