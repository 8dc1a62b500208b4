"""Brokers, time servers and drivers that are out to make a mote start anew: it stays up, and does its work after."""

import dataclasses
import json
import time

import pytest
from channel_motes import ChannelMote, add
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from hostile import Listener
from hostile_broker import PUBLISH, SUBSCRIBE, Gateway, forged, plays
from ironmote import boards
from ironmote.certificates import Authority
from ironmote.fleet import Fleet
from mote import cbor, keys, sealed, senml, topics

WITHIN_S = 30.0
DOWN = b"sealed/cellar/down"
QUANTITIES = ("temperature", "humidity", "pressure")


class Site:
    """A sealed mote called cellar, the broker that a test plays for it, and a gateway that has its key."""

    def __init__(self, tmp_path):
        self.fleet, self._authority = Fleet.create(), Authority.create()
        self._folder = tmp_path / "board"
        self._listener = None
        self.mote = None

    def start(self, script, board="esp8266", profile=None, tweak=lambda mote: None, faults=None, **change):
        mote = add(self.fleet, "cellar", "sealed", board)
        mote.actuators = [
            {"kind": "relay", "name": "relay", "pin": 12, "safe": 0},
            {"kind": "dimmer", "name": "dimmer", "pin": 13, "safe": 33.3, "freq_hz": 1000},
        ]
        tweak(mote)
        self.gateway = Gateway(self.fleet, "cellar")
        self._listener = Listener(plays(script))
        change = {"keepalive_s": 5, "sample_ms": 300} | change
        self.mote = ChannelMote(
            self.fleet, mote, self._authority, self._listener.port, self._folder, profile=profile, **change
        )
        self.mote.put(json.dumps(faults or {}))
        self.mote.board.start()
        return self.mote

    def serve(self, session, order=None):
        """Be a good broker for good; pass on one command, `order`, after the first record."""
        for topic, payload in session.uplinks():
            self.gateway.sees(payload)
            if order and topic.endswith(b"/up"):
                session.publish(DOWN, self.gateway.order(*order))
                order = None

    def close(self):
        if self.mote:
            self.mote.board.stop()
        if self._listener:
            self._listener.close()


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path)
    yield made
    made.close()


def obeyed(mote, name):
    """True once the mote did as `name` was told; it has not started anew until then."""
    done = mote.waits(lambda: mote.said(f"orders: {name} done") > 0, WITHIN_S)
    assert mote.board.restarts == 0, mote.lines
    return done


def test_forged_downlinks_of_every_size_cost_a_small_board_nothing(site):
    def script(session, number):
        for _, payload in session.uplinks():
            site.gateway.sees(payload)
            for size in (*range(16, 240, 7), 500, 900, 960):
                session.publish(DOWN, forged(site.gateway.epoch, size))
            break
        site.serve(session, ("relay", 1))

    def tweak(mote):  # everything that such a board is given to do, so that its heap is as full as it gets
        mote.sensors = [
            {"kind": "bme280", "address": 0x76, "names": {what: what for what in QUANTITIES}},
            {"kind": "bh1750", "address": 0x23, "names": {"illuminance": "light"}},
            {"kind": "ds18b20", "names": {"temperature": "water"}},
        ]

    mote = site.start(script, profile=boards.load("esp8266"), tweak=tweak, onewire={"pin": 14})
    assert obeyed(mote, "relay"), mote.lines
    assert mote.said("orders: refused:") >= 1
    assert mote.said("connected, session") == 1, "a forged message ended the session"


def test_command_that_was_retained_is_not_obeyed(site):
    def script(session, number):
        for topic, payload in session.uplinks():
            site.gateway.sees(payload)
            if topic.endswith(b"/up"):
                session.publish(DOWN, site.gateway.order("relay", 1), flags=0x03)
                break
        site.serve(session, ("dimmer", 40.5))

    mote = site.start(script)
    assert obeyed(mote, "dimmer"), mote.lines
    assert mote.said("orders: relay") == 0


@pytest.mark.parametrize("optimise", [0, 3], ids=["asserts", "no_asserts"])
def test_rest_of_a_packet_that_is_none_is_not_taken_for_an_answer(site, optimise):
    """Three refused sessions leave a backlog, so that more is composed as soon as the first PUBLISH is there."""

    def script(session, number):
        if number < 3:
            time.sleep(2.2)
        elif number < 6:
            for kind, body in iter(session.take, None):
                if kind == PUBLISH:
                    end = 2 + int.from_bytes(body[:2], "big")
                    session.send(b"\x40\x02" + body[end : end + 2] + b"\xf0\x05\x40\x03\x40\x03\x00")
                elif kind == SUBSCRIBE:
                    session.send(b"\x90\x03" + body[:2] + b"\x01")
                else:
                    session.send(b"\x20\x02\0\0")
        else:
            site.serve(session, ("relay", 1))

    profile = boards.load("esp8266")
    profile = dataclasses.replace(
        profile, optimise=optimise, heap_bytes=profile.heap_bytes + (1 - optimise // 3) * 40000
    )
    mote = site.start(script, profile=profile)
    assert obeyed(mote, "relay"), mote.lines
    assert mote.said("unexpected packet 0xf0") >= 1


def test_message_without_a_payload_does_not_end_the_session(site):
    def script(session, number):
        for _, payload in session.uplinks():
            site.gateway.sees(payload)
            session.publish(DOWN, b"")
            session.send(b"\x30\x14" + len(DOWN).to_bytes(2, "big") + DOWN)
            session.publish(b"", b"")
            break
        site.serve(session, ("relay", 1))

    mote = site.start(script)
    assert obeyed(mote, "relay"), mote.lines
    assert mote.said("connected, session") == 1


@pytest.mark.parametrize("board", ["esp8266", "esp32"])
@pytest.mark.parametrize("lie", ["short", 4_102_444_800, 1 << 33, -5])
def test_answer_of_a_time_server_that_cannot_be_true_is_said_and_nothing_else_happens(site, board, lie):
    mote = site.start(lambda session, number: site.serve(session, ("relay", 1)), board, faults={"ntp": lie})
    assert mote.waits(lambda: mote.said("clock: the time server's answer is no time") > 0, WITHIN_S)
    assert obeyed(mote, "relay"), mote.lines


def test_reading_more_than_a_packet_holds_comes_in_several_records_of_their_own_numbers(site):
    names = {f"{what}-of-the-north-room-{i:02d}"[-32:] for what in QUANTITIES for i in range(15)}

    def tweak(mote):
        mote.sensors = [
            {
                "kind": "bme280",
                "address": 0x76,
                "names": {what: f"{what}-of-the-north-room-{i:02d}"[-32:] for what in QUANTITIES},
            }
            for i in range(15)
        ]

    found = {}

    def script(session, number):
        key = keys.subkey(site.fleet.motes["cellar"].root, site.fleet.id, keys.SEAL)
        for topic, payload in session.uplinks():
            if topic.endswith(b"/up"):
                envelope = sealed.parse(payload, sealed.MAX_UP)
                context = sealed.Context(key, site.fleet.id, sealed.UPLINK, envelope.epoch, AESCCM)
                record = senml.unpack_cbor(context.open(envelope, topics.name("cellar", "up")), "cellar")
                found[record.identity[2]] = {reading.name for reading in record.readings}

    mote = site.start(script, "esp32", tweak=tweak, sample_ms=1000)
    assert mote.waits(lambda: len(found) >= 12, WITHIN_S), mote.lines
    assert mote.board.restarts == 0
    numbers = sorted(found)
    assert numbers == list(range(1, len(numbers) + 1))
    assert set().union(*(found[number] for number in (1, 2, 3, 4))) == names


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"kind": "relay", "safe": 50}, "actuators[0].safe: a whole number from 0 to 1"),
        ({"kind": "valve"}, "actuators[0].kind: one of buzzer, "),
    ],
)
def test_actuator_that_cannot_be_made_is_a_stop_with_words_and_nothing_is_sent(site, fields, why):
    mote = past_the_host(site, lambda settings: settings["actuators"][0].update(fields))
    assert mote.said("mote: stopped: ") == 1
    assert mote.said(why) == 1, mote.lines
    assert mote.board.restarts == 0
    assert mote.dialled() == []


def test_actuator_on_a_pin_that_this_chip_has_not_is_safe_mode_with_words(site):
    mote = past_the_host(site, lambda settings: settings["actuators"][0].update(pin=63), stops=False)
    assert mote.waits(lambda: mote.said("safe mode: ValueError('invalid pin") == 1, WITHIN_S), mote.lines
    assert mote.said("not started: these settings cannot work here: ValueError('invalid pin") == 1
    assert mote.waits(lambda: mote.dialled() != [], WITHIN_S), "it tells why"
    assert mote.board.restarts == 1


def past_the_host(site, change, stops=True):
    """A mote whose settings came past the check of the host, and which has stopped."""
    mote = site.start(lambda session, number: None)
    mote.board.stop()
    path = mote.board.folder / "flash" / "settings.cbor"
    fields = cbor.decode(path.read_bytes(), 4, 512)
    change(fields)
    path.write_bytes(cbor.encode(fields))
    (mote.board.folder / "dialled").unlink(missing_ok=True)
    mote.lines.clear()
    mote.board.start()
    assert not stops or mote.waits(lambda: not mote.board.alive, WITHIN_S)
    return mote


def test_sensor_without_a_driver_is_a_stop_with_words(site):
    mote = past_the_host(site, lambda settings: settings["sensors"][0].update(kind="geiger"))
    assert mote.said("mote: stopped: sensors[0].kind: one of aht20, ") == 1, mote.lines


@pytest.mark.parametrize("board", ["esp8266", "esp32"])
def test_network_asked_for_by_link_and_clock_at_once_is_joined_by_one_of_them(site, board):
    """The ESP32 raises where a connection is asked for while one is being made."""
    mote = site.start(
        lambda session, number: site.serve(session, ("relay", 1)), board, faults={"wifi": "gone"}, timeout_ms=700
    )
    assert mote.waits(lambda: mote.said("not joined") >= 2, WITHIN_S), mote.lines
    mote.put("{}")
    assert obeyed(mote, "relay"), mote.lines
    assert mote.said("Internal State Error") == 0
