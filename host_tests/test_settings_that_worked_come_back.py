"""The copy of the last settings that worked: what is taken from it, and what never goes back."""

import binascii
from pathlib import Path

import pytest
from mote import cbor, lastgood, pins, settings, store

OLD_PINS = pins.pack([(5, 0, 0)])


def fields(**change):
    return {
        "v": 1, "mote": "cellar", "fleet": bytes(16), "board": "esp32", "zone": "home", "generation": 3,
        "channel": "sealed", "floor": "sealed", "room": True, "wifi": {"ssid": "home"},
        "broker": {"host": "192.168.1.2", "port": 1883, "name": "broker.example"}, "connect": "static",
        "keepalive_s": 30, "timeout_ms": 2000, "sample_ms": 500, "command_age_s": 60, "clock_floor": 1760000000,
        "ntp": "", "i2c": {"sda": 21, "scl": 22, "freq_hz": 100000}, "onewire": None,
        "sensors": [{"kind": "bh1750", "address": 0x23, "names": {"illuminance": "light"}}],
        "actuators": [{"kind": "relay", "name": "pump", "pin": 5, "safe": 0}], "led": None, "outbox": 8,
    } | change  # fmt: skip


NEW = fields(
    generation=3, channel="tls", floor="tls", connect="token", clock_floor=1795000000, command_age_s=5, ntp="a,b",
    zone="new", wifi={"ssid": "other", "more": ["third"]}, keepalive_s=60, timeout_ms=3000, watchdog_s=300, room=False,
    broker={"host": "192.168.1.3", "port": 8883, "name": "new.example"}, log="debug", health_s=60,
    i2c=None, onewire={"pin": 4}, sensors=[], values=[], actuators=[], rules=[], led=2, sample_ms=100, outbox=4,
    backlog=0, drop="newest", keep_s=0, sleep_ms=60000, send_every=5, listen_ms=500,
)  # fmt: skip


@pytest.fixture
def flash(tmp_path: Path, monkeypatch):
    """The files of a board whose old settings have worked."""
    monkeypatch.setattr(lastgood, "PATH", str(tmp_path / "settings.last"))
    monkeypatch.setattr(pins, "PATH", str(tmp_path / "pins"))
    (tmp_path / "pins").write_bytes(OLD_PINS)
    remember(tmp_path, settings.to_cbor(fields()))
    return tmp_path


def remember(flash, data):
    (flash / "settings.cbor").write_bytes(data)
    lastgood.LastGood().remember(str(flash / "settings.cbor"), binascii.crc32(data))


def test_every_setting_is_of_the_new_ones_but_those_of_what_the_mote_measures_and_does(flash):
    assert set(NEW) == set(settings.FIELDS), "whoever adds a setting says here which it is"
    found = lastgood.LastGood().back(settings.to_cbor(NEW))
    old = fields()
    for name in settings.FIELDS:
        wanted = old.get(name) if name in lastgood.TAKEN else NEW[name]
        assert found.get(name) == wanted, name


def test_nothing_that_protects_the_mote_is_taken_from_the_copy():
    protects = (
        "v mote fleet board zone generation channel floor room wifi broker connect command_age_s clock_floor ntp "
        "keepalive_s timeout_ms watchdog_s"
    )
    assert not set(protects.split()) & set(lastgood.TAKEN)


@pytest.mark.parametrize(
    "change",
    [{"generation": 4}, {"generation": 2}, {"mote": "attic"}, {"fleet": bytes(15) + b"1"}, {"board": "esp8266"}],
)
def test_copy_of_another_life_is_none(flash, change):
    assert lastgood.LastGood().back(settings.to_cbor(fields(**change))) is None


def test_copy_changed_or_cut_anywhere_is_not_believed(flash):
    path = flash / "settings.last"
    whole = path.read_bytes()
    new = settings.to_cbor(NEW)
    good = lastgood.LastGood().back(new)
    for at in range(len(whole)):
        path.write_bytes(whole[:at])
        assert lastgood.LastGood().back(new) is None, at
        path.write_bytes(whole[:at] + bytes((whole[at] ^ 0x41,)) + whole[at + 1 :])
        assert lastgood.LastGood().back(new) in (None, good), at
    path.write_bytes(b"")
    assert lastgood.LastGood().back(new) is None


def test_going_back_is_remembered_with_its_reason_and_brings_the_pins(flash):
    (flash / "pins").write_bytes(pins.pack([(12, 0, 65535), (5, 0, 65535)]))
    lastgood.LastGood().give_up(77, "KeyError in mote/sampler.py line 3")
    last = lastgood.LastGood()
    assert (last.given_up, last.why) == (77, "KeyError in mote/sampler.py line 3")
    assert last.back(settings.to_cbor(NEW))["outbox"] == 8
    for _ in range(2):  # it may be cut off, and done again
        assert pins.parse((flash / "pins").read_bytes()) == [(5, 0, 0), (12, 0, 65535)], "and what is wired today"
        lastgood.LastGood().give_up(77, "KeyError in mote/sampler.py line 3")
    (flash / "pins").write_bytes(b"p1")
    lastgood.LastGood().give_up(77, "KeyError in mote/sampler.py line 3")
    assert (flash / "pins").read_bytes() == OLD_PINS


def test_settings_that_are_not_the_ones_that_worked_are_not_remembered(flash):
    before = (flash / "settings.last").read_bytes()
    with pytest.raises(OSError, match="another"):
        lastgood.LastGood().remember(str(flash / "settings.cbor"), 1)
    assert (flash / "settings.last").read_bytes() == before
    assert not (flash / "settings.last.part").exists()


def test_settings_that_are_no_settings_bring_nothing_back(flash):
    with pytest.raises(cbor.CborError):
        lastgood.LastGood().back(settings.to_cbor(NEW)[:-1])
    assert lastgood.LastGood().back(cbor.encode([1, 2])) is None
    assert store.read(lastgood.PATH, 10_000)
