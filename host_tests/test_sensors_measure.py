"""Every kind of sensor over its range: the driver says what the simulated part felt, to the part's resolution."""

import re
import subprocess
import sys

import pytest
from board_process import ROOT
from mote import actuators, sensors
from sensor_bench import KINDS, SensorBench, sensor_of

pytestmark = pytest.mark.long

# By quantity: where it is in a world, and how near the part and its driver come to it.
PLACES = {"temperature": 0, "humidity": 1, "illuminance": 2, "pressure": 3}
NEAR = {
    "bme280": {"temperature": 0.01, "humidity": 0.03, "pressure": 3},
    "bmp280": {"temperature": 0.01, "pressure": 3},
    "sht3x": {"temperature": 0.01, "humidity": 0.01},
    "sht4x": {"temperature": 0.01, "humidity": 0.01},
    "aht20": {"temperature": 0.01, "humidity": 0.01},
    "tmp117": {"temperature": 0.005},
    "ds18b20": {"temperature": 0.04},
    "ntc": {"temperature": 0.3},
    "chip": {"temperature": 0.6},
}
# From one end to the other: signs, the carries between bytes, both ends.
AIR = [
    (t, h, 0.0, p)
    for t, h, p in (
        (-39.9, 0.0, 30_100.0),
        (-10.1, 12.5, 55_000.0),
        (-0.1, 25.0, 68_000.0),
        (0.0, 33.3, 80_000.0),
        (0.1, 50.0, 95_000.0),
        (24.99, 65.8, 101_325.0),
        (50.0, 99.9, 105_000.0),
        (84.9, 100.0, 109_900.0),
    )
]
WIDE = {
    "sht3x": (-39.9, 124.9),
    "sht4x": (-39.9, 124.9),
    "tmp117": (-55.0, 150.0, -0.0078125),
    "ds18b20": (-55.0, 125.0, -0.0625, 84.9375, 85.0, 85.0625),
}
LIGHT = (0.0, 0.5, 3.0, 30.0, 300.0, 1000.0, 5000.0, 20_000.0, 50_000.0)
BRIGHTER = {"bh1750": (54_000.0,), "tsl2591": (70_000.0,), "veml7700": (100_000.0, 139_000.0)}


@pytest.mark.parametrize("kind", sorted(set(NEAR) - {"ntc", "chip"}))
def test_air_is_measured_from_end_to_end(tmp_path, kind):
    worlds = AIR + [(t, 50.0, 0.0, 100_000.0) for t in WIDE.get(kind, ())]
    found = SensorBench(tmp_path, sensor_of(kind)).feel(worlds)
    for world, said in zip(worlds, found, strict=True):
        assert sorted(said) == sorted(NEAR[kind]), (world, said)
        for quantity, near in NEAR[kind].items():
            assert said[quantity] == pytest.approx(world[PLACES[quantity]], abs=near), world


@pytest.mark.parametrize("kind", ["bh1750", "tsl2591", "veml7700"])
def test_light_is_measured_from_dark_to_sun_up_and_down(tmp_path, kind):
    lights = LIGHT + BRIGHTER[kind]
    worlds = [(20.0, 50.0, light, 100_000.0) for light in lights + tuple(reversed(lights))]
    found = SensorBench(tmp_path, sensor_of(kind)).feel(worlds)
    for world, said in zip(worlds, found, strict=True):
        assert said["illuminance"] == pytest.approx(world[2], rel=0.03, abs=0.5 if kind == "bh1750" else 0.005), world


@pytest.mark.parametrize("kind", ["bh1750", "tsl2591", "veml7700"])
def test_saturated_light_is_missing_until_it_is_darker(tmp_path, kind):
    dark, bright, after = SensorBench(tmp_path, sensor_of(kind)).feel(
        [(20.0, 50.0, 100.0, 1e5), (20.0, 50.0, 300_000.0, 1e5), (20.0, 50.0, 100.0, 1e5)]
    )
    assert dark["illuminance"] == pytest.approx(100, rel=0.03)
    assert bright in (f"SensorError {kind.upper()} is saturated", "SensorError out of range")
    assert after["illuminance"] == pytest.approx(100, rel=0.03)


def test_more_infrared_than_light_is_missing(tmp_path):
    (said,) = SensorBench(tmp_path, sensor_of("tsl2591")).run("put(tsl2591='infrared')\nprint(read())\n")
    assert said == "SensorError more infrared than light"


OUTSIDE = {
    "bme280": (-60.0, 200.0),
    "sht3x": (-44.0, 129.0),
    "sht4x": (-44.0, 129.0),
    "aht20": (-49.0, 100.0),
    "tmp117": (-56.0, 151.0, -256.0),
}


@pytest.mark.parametrize("kind", sorted(OUTSIDE))
def test_what_the_part_is_not_made_for_is_missing(tmp_path, kind):
    if kind == "bme280":
        # Its simulated part stays within its range, so the raw values say it.
        program = "import struct\nread()\n"
        for raw in ("00000000000000", "fffff0fffff000"):
            program += f"data = bytes.fromhex('{raw}00')\ndriver._data[:] = data\n"
            program += "try:\n    print(driver._convert(driver._calibration))\n"
            program += "except sensors.SensorError as e:\n    print(e)\n"
        assert SensorBench(tmp_path, sensor_of(kind)).run(program) == ["out of range"] * 2
        return
    found = SensorBench(tmp_path, sensor_of(kind)).feel([(t, 50.0, 0.0, 1e5) for t in OUTSIDE[kind]])
    assert set(found) <= {"SensorError out of range", "SensorError TMP117 has not measured"}, found


DHT_WORLDS = [(26.9, 65.8, 0.0, 1e5), (-10.1, 65.8, 0.0, 1e5)]  # the examples of the AM2302 data sheet, 7


def test_a_dht22_says_what_is_now_and_not_what_was_when_it_was_read_before(tmp_path):
    program = f"""
world.now = (5.0, 5.0, 0.0, 1e5)
part().transfer(bytearray(5))  # some time ago, somebody else
import time
time.sleep_ms(2000)
for world.now in {DHT_WORLDS}:
    driver._started = False  # as after minutes
    print(read())
"""
    found = SensorBench(tmp_path, sensor_of("dht22")).run(program)
    assert found == [{"temperature": 26.9, "humidity": 65.8}, {"temperature": -10.1, "humidity": 65.8}]


NTC = {
    "to ground, B value": ({}, (5.0, 25.0, 60.0, 100.0)),
    "to the supply, B value": ({"grounded": False}, (-5.0, 25.0, 50.0)),
    "Steinhart-Hart": (
        {"r_25": None, "beta": None, "steinhart": [1.4e-3, 2.37e-4, 9.9e-8], "r_series": 3_000},
        (5.0, 25.0, 60.0),
    ),
    "another supply": ({"supply_mv": 3000, "r_series": 22_000}, (0.0, 25.0, 80.0)),
}


@pytest.mark.parametrize("circuit", NTC)
def test_an_ntc_is_measured_through_its_divider(tmp_path, circuit):
    change, temperatures = NTC[circuit]
    found = SensorBench(tmp_path, sensor_of("ntc", **change)).feel([(t, 50.0, 0.0, 1e5) for t in temperatures])
    for temperature, said in zip(temperatures, found, strict=True):
        assert said["temperature"] == pytest.approx(temperature, abs=NEAR["ntc"]["temperature"])


def test_an_ldr_is_measured_within_its_divider_and_missing_beyond_it(tmp_path):
    lights = (1.0, 10.0, 50.0, 10_000.0, 0.0)
    found = SensorBench(tmp_path, sensor_of("ldr")).feel([(20.0, 50.0, light, 1e5) for light in lights])
    for light, said in zip(lights[:3], found[:3], strict=True):
        assert said["illuminance"] == pytest.approx(light, rel=0.05)
    assert found[3:] == ["SensorError voltage at an end of the range"] * 2


@pytest.mark.parametrize("kind", ["ntc", "ldr"])
def test_the_one_channel_of_an_esp8266_measures_a_divider(tmp_path, kind):
    settings = {"i2c": None, "onewire": None}
    bench = SensorBench(tmp_path, sensor_of(kind, pin=0), "esp8266", settings, unique_id="a1b2c3d4")
    (said,) = bench.feel([(30.0, 50.0, 20.0, 1e5)])
    assert said == pytest.approx({"temperature": 30} if kind == "ntc" else {"illuminance": 20}, rel=0.03)


def test_the_second_converter_of_an_esp32_is_missing_beside_wifi(tmp_path):
    assert SensorBench(tmp_path, sensor_of("ntc", pin=25)).run("print(read())\n") == ["OSError 110"]


def test_the_chip_says_its_own_temperature_where_it_has_a_thermometer(tmp_path):
    assert SensorBench(tmp_path / "c3", sensor_of("chip"), "esp32-c3", {"i2c": None, "onewire": None}).feel(
        [(21.0, 0, 0, 0)]
    ) == [{"temperature": 39}]
    assert SensorBench(tmp_path / "esp32", sensor_of("chip")).run("print(read())\n") == [
        "SensorError this chip has no thermometer"
    ]


def test_a_ds18b20_is_found_by_its_code_among_others(tmp_path):
    codes = [bytes.fromhex(code) for code in ("28ff4a2b3c4d5e83", "28aa4a2b3c4d5e1c", "28ff4a2b3c4d5f00")]
    program = "from machine import Pin\nfrom onewire import OneWire\n"
    program += "print([bytes(rom).hex() for rom in OneWire(Pin(4)).scan()])\n"
    parts = [{"part": "ds18b20", "pin": 4, "rom": code.hex()[:14]} for code in codes]
    scanned = SensorBench(tmp_path / "scan", sensor_of("ds18b20"), parts=parts).run(program)[0]
    for index, code in enumerate(sorted(scanned.strip("[]").replace("'", "").split(", "))):
        bench = SensorBench(tmp_path / str(index), sensor_of("ds18b20", rom=bytes.fromhex(code)), parts=parts)
        rom, said = bench.run("said = read()\nprint(bytes(driver._rom).hex())\nprint(said)\n")
        assert rom == code
        assert said["temperature"] == pytest.approx(21.5, abs=0.04)
    absent = SensorBench(tmp_path / "absent", sensor_of("ds18b20", rom=bytes(8)), parts=parts)
    assert absent.run("print(read())\n") == ["SensorError no DS18B20"]


def test_every_kind_has_its_driver_its_part_its_tests_and_its_row_in_the_table():
    assert set(NEAR) | set(BRIGHTER) | {"dht22", "ldr"} == set(KINDS) == set(sensors.KINDS)
    drivers = {path.stem for path in (ROOT / "lib" / "mote" / "sensors").glob("*.py")}
    assert drivers - set(KINDS) == {"__init__", "buses", "crc", "divider"}
    parts = {path.stem for path in (ROOT / "tools" / "board" / "parts").glob("[a-z]*.py")}
    assert parts == {*KINDS, "contact"}
    text = (ROOT / "docs" / "HARDWARE.md").read_text(encoding="utf-8")
    sections = {
        part.partition("\n")[0]: re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE) for part in text.split("\n## ")
    }
    assert sorted(sections["Sensors"]) == sorted(KINDS)
    assert set(actuators._KINDS) < set(sections["Actuators"])


def test_what_each_driver_takes_of_the_heap_is_measured():
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "driver_heap.py"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    for kind in KINDS:
        (size,) = re.findall(rf"{kind}\W+([\d,]+)", done.stdout)
        assert 100 < int(size.replace(",", "")) < 10_000, kind
