"""Pins that cannot work on a board, or keep it from starting, are refused before anything is written onto it."""

import re
from pathlib import Path

import pytest
from ironmote import boards, mote_file
from ironmote.mote_file import MoteFileError

RELAY = {"kind": "relay", "name": "pump", "safe": 0}
DIMMER = {"kind": "dimmer", "name": "lamp", "safe": 0}
NTC = {"kind": "ntc", "grounded": True, "r_series": 10_000, "r_25": 10_000, "beta": 3984, "names": {"temperature": "t"}}
DHT = {"kind": "dht22", "names": {"humidity": "damp"}}
SHT = {"kind": "sht4x", "address": 0x44, "names": {"temperature": "air"}}
DS = {"kind": "ds18b20", "names": {"temperature": "water"}}


def said(board, **table):
    """What is wrong with a mote on `board`, without the file's name; nothing where all is right."""
    try:
        mote_file.of_table({"board": board} | table, "m.toml")
    except MoteFileError as error:
        return [line.removeprefix("m.toml: ") for line in error.errors]
    return []


def relay(pin, **more):
    return {"actuator": [RELAY | {"pin": pin} | more]}


@pytest.mark.parametrize(
    ("board", "table", "words"),
    [
        ("esp32", relay(24), "actuator[0].pin: esp32 has no pin 24; it has 0, 2, 4-5, 12-19, 21-23, 25-27, 32-36, 39"),
        ("esp32", relay(6), "actuator[0].pin: pin 6 is taken by the flash"),
        ("esp32", relay(1), "actuator[0].pin: pin 1 is taken by the console"),
        ("esp32", relay(34), "actuator[0].pin: pin 34 can only be an input"),
        ("esp32", {"sensor": [DHT | {"pin": 35}]}, "sensor[0].pin: pin 35 can only be an input"),
        ("esp32", {"i2c": {"sda": 36}, "sensor": [SHT]}, "i2c.sda: pin 36 can only be an input"),
        ("esp32", {"onewire": {"pin": 39}}, "onewire.pin: pin 39 can only be an input"),
        ("esp32", {"led": 34}, "led: pin 34 can only be an input"),
        ("esp32", {"sensor": [NTC | {"pin": 25}]}, "sensor[0].pin: pin 25 measures no voltage while there is Wi-Fi; "
                                                   "32-36, 39 do"),
        ("esp32", {"sensor": [NTC | {"pin": 18}]}, "sensor[0].pin: pin 18 measures no voltage; 32-36, 39 do"),
        ("esp32", relay(21) | {"sensor": [SHT]}, "actuator[0].pin: pin 21 is that of i2c.sda already"),
        ("esp32", relay(19, sense=19), "actuator[0].sense: pin 19 is that of actuator[0].pin already"),
        ("esp32", relay(4) | {"sensor": [DS]}, "actuator[0].pin: pin 4 is that of onewire.pin already"),
        ("esp32-s2", relay(46) | {"allow_strapping": [46]}, "actuator[0].pin: pin 46 can only be an input"),
        ("esp32-s3", relay(20), "actuator[0].pin: pin 20 is taken by USB"),
        ("esp32-s3", relay(35), "actuator[0].pin: pin 35 is taken by flash or PSRAM with eight lines, on the modules "
                                "that have it"),
        ("esp32-c3", {"sensor": [NTC | {"pin": 5}]}, "sensor[0].pin: pin 5 measures no voltage; 0-4 do"),
        ("esp32-c6", relay(14), "actuator[0].pin: esp32-c6 has no pin 14; it has 0-11, 15, 18-23"),
        ("pico-w", relay(23), "actuator[0].pin: pin 23 is taken by the wireless chip"),
        ("esp8266", {"sensor": [NTC | {"pin": 4}]}, "sensor[0].pin: esp8266 has one analog input, and its number is 0"),
        ("esp8266", {"actuator": [DIMMER | {"pin": 16}]}, "actuator[0].pin: pin 16 has no PWM"),
        ("esp8266", relay(16) | {"sleep_ms": 60_000}, "actuator[0].pin: pin 16 ends the deep sleep of sleep_ms: it is "
                                                      "wired to the reset pin"),
        ("esp32", {"allow_strapping": [7]}, "allow_strapping: pin 7 is no strapping pin of esp32; 0, 2, 5, 12, 15 are"),
        ("pico-w", {"allow_strapping": [7]}, "allow_strapping: pin 7 is no strapping pin of pico-w; it has none"),
    ],
)  # fmt: skip
def test_pin_that_cannot_be_is_refused_with_the_reason(board, table, words):
    assert said(board, **table) == [words]


@pytest.mark.parametrize("name", boards.names())
def test_strapping_pin_is_refused_with_what_it_decides_unless_it_is_allowed(name):
    profile = boards.load(name)
    for pin in set(profile.pins.strapping) - profile.pins.input_only:
        (line,) = said(name, **relay(pin))
        assert line.startswith(f"actuator[0].pin: pin {pin} is a strapping pin: {profile.pins.strapping[pin]}; ")
        assert line.endswith(f"allow_strapping = [{pin}] where what hangs there cannot do that")
        assert said(name, **relay(pin), allow_strapping=[pin]) == []


@pytest.mark.parametrize("name", boards.names())
def test_default_wiring_of_each_board_is_free_of_strapping_pins(name):
    wiring = boards.load(name).wiring
    parts = {"sensor": [SHT, DS], "actuator": [RELAY | {"pin": wiring.relay}, DIMMER | {"pin": wiring.dimmer}]}
    assert said(name, **parts) == []


def test_modules_own_led_may_be_on_a_strapping_pin_and_gives_way_to_what_is_wanted_there():
    profile = boards.load("esp32")
    assert profile.wiring.led in profile.pins.strapping
    assert said("esp32", led=2) == []
    file = mote_file.of_table({"board": "esp32", "allow_strapping": [2]} | relay(2), "m.toml")
    assert mote_file.compile(file, profile, mote_file.NOBODY)["led"] is None


def test_analog_input_of_an_esp8266_is_not_its_gpio_0():
    table = {"sensor": [NTC | {"pin": 0}]} | relay(0) | {"allow_strapping": [0]}
    assert said("esp8266", **table) == []
    assert len(said("esp8266", sensor=[NTC | {"pin": 0}, NTC | {"pin": 0, "names": {"temperature": "u"}}])) == 1


def test_table_of_the_document_is_that_of_the_profiles():
    text = (Path(__file__).parent.parent / "docs" / "HARDWARE.md").read_text(encoding="utf-8")
    table = text.split("## Pins and default wiring")[1].split("\n\n")[1]
    rows = {row[0].strip("`"): [cell.split(" (")[0] for cell in row[1:]] for row in (
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]
    )}  # fmt: skip
    assert set(rows) == set(boards.names()) - {"unix"}
    for name, row in rows.items():
        profile = boards.load(name)
        wiring, pins = profile.wiring, profile.pins
        said = [f"{wiring.i2c_sda} / {wiring.i2c_scl}", *map(str, (wiring.onewire, wiring.relay, wiring.dimmer))]
        said += [str(wiring.led or ""), boards.spans(pins.adc), ", ".join(map(str, sorted(pins.strapping)))]
        assert [re.sub(", which.*", "", cell) for cell in row] == said, name
