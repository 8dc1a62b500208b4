"""Running motes with every kind of sensor that there is a driver for: what each measures reaches the gateway."""

import pytest
from ironmote.gateway import RecordSeen, StateSeen
from mote import record
from running import Stage
from sensor_bench import KINDS, sensor_of

ESP32 = {"i2c": {"sda": 21, "scl": 22, "freq_hz": 100_000}, "onewire": {"pin": 15}}
ESP8266 = {"i2c": {"sda": 4, "scl": 5, "freq_hz": 100_000}, "onewire": {"pin": 14}}
# A board with 36 KB has room for some.
FEW = ("sht4x", "tmp117", "veml7700", "ds18b20", "ntc")


def named(kind, **change):
    """A sensor of `kind` that reports each quantity as `<kind>/<quantity>`."""
    sensor = sensor_of(kind, **change)
    return sensor | {"names": {quantity: f"{kind}/{quantity}" for quantity in sensor["names"]}}


@pytest.fixture
def stage(tmp_path, request):
    made = Stage(tmp_path, board=request.param)
    yield made
    made.close()


@pytest.mark.parametrize("stage", ["esp32", "esp8266"], indirect=True)
def test_everything_that_is_measured_arrives_with_its_unit(stage):
    if stage.fleet.motes["cellar"].board == "esp32":
        sensors = [
            named(kind, **({"r_10": 55_000, "gamma": 0.5} if kind == "ldr" else {"pin": 35} if kind == "ntc" else {}))
            for kind in KINDS
            if kind != "chip"
        ]
        pins, slow = ESP32, {"sample_ms": 2500}
    else:
        sensors, pins, slow = [named(kind, **({"pin": 0} if kind == "ntc" else {})) for kind in FEW], ESP8266, {}
    stage.start_gateway()
    mote = stage.mote(sensors=sensors, **pins, **slow)
    mote.start()
    wanted = {(name, record.UNITS[quantity]) for sensor in sensors for quantity, name in sensor["names"].items()}

    def arrived():
        return {(each.name, each.unit) for seen in stage.of(RecordSeen) for each in seen.readings}

    stage.wait(lambda: arrived() >= wanted)
    assert arrived() == wanted
    assert mote.restarts == 0


@pytest.mark.parametrize("stage", ["esp32"], indirect=True)
def test_sensor_on_a_pin_that_is_none_is_safe_mode_with_words(stage):
    stage.start_gateway()
    mote = stage.mote(sensors=[named("dht22", pin=24)], **ESP32)
    mote.start()
    stage.wait(lambda: [each for each in stage.of(StateSeen) if each.state.mode == "safe"])
    assert any("these settings cannot work here: ValueError('invalid pin'" in line for line in mote.console)
    assert mote.restarts == 1
