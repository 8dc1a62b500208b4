"""Every kind of sensor with each thing that breaks: missing instead of a wrong number, and back when it is repaired."""

import pytest
from sensor_bench import I2C_KINDS, KINDS, SensorBench, sensor_of

pytestmark = pytest.mark.long

ON_PINS = [kind for kind in KINDS if kind not in I2C_KINDS and kind != "chip"]
HELD = "SensorError the I2C data line is held low"
TIMED_OUT = "OSError 110"
NO_ANSWER = "OSError 19"

# What is said of a fault in the part.
FAULTS = {
    ("bme280", "chip_id"): "SensorError not a BME280",
    ("bme280", "brownout"): "SensorError BME280 has not measured",
    ("bme280", "busy"): "SensorError BME280 stays busy",
    ("bmp280", "chip_id"): "SensorError not a BMP280",
    ("bmp280", "brownout"): "SensorError BMP280 has not measured",
    ("bmp280", "busy"): "SensorError BMP280 stays busy",
    ("sht3x", "chip_id"): "SensorError another part",
    ("sht3x", "crc"): ("SensorError not an SHT3x", "SensorError wrong CRC"),
    ("sht3x", "brownout"): NO_ANSWER,
    ("sht3x", "busy"): NO_ANSWER,
    ("sht3x", "zeros"): "SensorError not an SHT3x",
    ("sht4x", "chip_id"): "SensorError another part",
    ("sht4x", "crc"): "SensorError wrong CRC",
    ("sht4x", "brownout"): NO_ANSWER,
    ("sht4x", "busy"): NO_ANSWER,
    ("sht4x", "zeros"): "SensorError wrong CRC",
    ("aht20", "chip_id"): "SensorError AHT20 has no calibration",
    ("aht20", "crc"): "SensorError wrong CRC",
    ("aht20", "brownout"): "SensorError AHT20 has not measured",
    ("aht20", "busy"): "SensorError AHT20 stays busy",
    ("aht20", "zeros"): "SensorError AHT20 has no calibration",
    ("tmp117", "chip_id"): "SensorError not a TMP117",
    ("tmp117", "brownout"): "SensorError TMP117 stays busy",
    ("tmp117", "busy"): "SensorError TMP117 stays busy",
    ("tmp117", "zeros"): "SensorError not a TMP117",
    ("tsl2591", "chip_id"): "SensorError not a TSL2591",
    ("tsl2591", "brownout"): "SensorError TSL2591 has not measured",
    ("tsl2591", "busy"): "SensorError TSL2591 has not measured",
    ("tsl2591", "zeros"): "SensorError not a TSL2591",
    ("veml7700", "chip_id"): "SensorError not a VEML7700",
    ("veml7700", "brownout"): "SensorError VEML7700 has not measured",
    ("veml7700", "zeros"): "SensorError not a VEML7700",
    ("ds18b20", "crc"): "SensorError DS18B20 does not answer",
    ("ds18b20", "brownout"): "SensorError DS18B20 has not measured",
    ("dht22", "crc"): "SensorError DHT22: wrong checksum",
    ("dht22", "brownout"): "SensorError DHT22 has not measured",
    ("ntc", "shorted"): "SensorError voltage at an end of the range",
    ("ldr", "shorted"): "SensorError voltage at an end of the range",
}


# A part that answers every two seconds, and a driver that is new and does not know when it last did.
PAUSE = {"dht22": "import time\ntime.sleep(2)\n"}


def good(said):
    """True where `said` is what the sensor measures when nothing is wrong."""
    return isinstance(said, dict) and all(
        said[quantity] == pytest.approx(value, rel=0.05)
        for quantity, value in (("temperature", 21.5), ("humidity", 45), ("illuminance", 300), ("pressure", 1e5))
        if quantity in said
    )


def bench(tmp_path, kind):
    # Light that an LDR with its divider measures.
    return SensorBench(tmp_path, sensor_of(kind, **({"r_10": 150_000} if kind == "ldr" else {})))


# Those of one part in one run, but for a slow one.
TOGETHER = {
    f"{kind} {fault}" if kind in PAUSE else kind: [
        each for other, each in FAULTS if other == kind and (kind not in PAUSE or each == fault)
    ]
    for kind, fault in FAULTS
}


@pytest.mark.parametrize("name", TOGETHER)
def test_broken_part_is_missing_and_repaired_it_is_back(tmp_path, name):
    kind, faults = name.split()[0], TOGETHER[name]
    # Broken when the mote starts, broken after it was good, and good again.
    program = "".join(
        f"{PAUSE.get(kind, '')}driver = sensors.create(values.sensors[0], buses)\n"
        f"put({kind}='{fault}')\nprint(read())\n"
        f"put()\nprint(read())\nput({kind}='{fault}')\nprint(read())\nput()\nprint(read())\n"
        for fault in faults
    )
    said = bench(tmp_path, kind).run(program)
    assert len(said) == 4 * len(faults), said
    for index, fault in enumerate(faults):
        at_start, well, later, again = said[4 * index : 4 * index + 4]
        words = FAULTS[kind, fault]
        assert at_start in ((words,) if isinstance(words, str) else words), fault
        assert isinstance(later, str) or fault == "chip_id", (fault, later)  # no part turns into another
        assert good(well), (fault, well)
        assert good(again), (fault, again)


@pytest.mark.parametrize("kind", I2C_KINDS + ON_PINS)
def test_part_unplugged_is_missing_and_plugged_in_again_is_back(tmp_path, kind):
    program = f"""
print(read())
put({kind}="unplugged")
print(read())
print(read())
put()
print(read())
put({kind}="unplugged")
part()
put()
print(read())  # and where nobody noticed: it has been without power between two samples
"""
    before, without, still, after, unnoticed = bench(tmp_path, kind).run(program)
    assert good(before)
    assert without.startswith(("OSError", "SensorError"))
    assert still.startswith(("OSError", "SensorError"))
    assert good(after)
    assert good(unnoticed) or (kind == "dht22" and unnoticed == "SensorError DHT22 has not measured")


@pytest.mark.parametrize("kind", I2C_KINDS)
def test_stuck_bus_is_missing_and_back_when_it_is_free(tmp_path, kind):
    program = """
for line in ("sda", "scl"):
    put(i2c=line)
    print(read())
    put()
    print(read())
    put(i2c=line)
    print(read())
    put()
    print(read())
"""
    said = bench(tmp_path, kind).run(program)
    assert said[0] == said[2] == HELD
    assert said[4] == said[6] == TIMED_OUT
    assert all(good(each) for each in said[1::2])


@pytest.mark.parametrize("kind", I2C_KINDS)
def test_bus_that_gets_stuck_while_the_part_measures_gives_no_number(tmp_path, kind):
    program = """
print(read())
for line in ("sda", "scl"):
    for ms in (3, 9, 60):
        print(read(ms, i2c=line))
        put()
        print(read())
"""
    said = bench(tmp_path, kind).run(program)
    assert good(said[0])
    for broken, repaired in zip(said[1::2], said[2::2], strict=True):
        # A quick part is done before the line goes.
        assert isinstance(broken, str) or good(broken)
        assert good(repaired)
    assert isinstance(said[1], str)
    assert isinstance(said[7], str)


RANGES = {"temperature": (-55, 150), "humidity": (0, 100), "illuminance": (0, 140_000), "pressure": (30_000, 110_000)}


@pytest.mark.parametrize("kind", I2C_KINDS)
def test_noise_on_the_bus_ends_in_words_or_in_a_value_that_can_be_and_never_in_another_error(tmp_path, kind):
    """Another error than these two would start the mote anew."""
    program = """
print(read())
for i in range(12):
    if i % 2:
        print(read(2, i2c="noise"))  # it begins while the part measures
    else:
        put(i2c="noise")
        print(read())
    put()
print(read())
"""
    first, *said, last = bench(tmp_path, kind).run(program)
    assert good(first)
    assert good(last)
    assert len(said) == 12
    for each in said:
        if isinstance(each, str):
            assert each.startswith(("OSError ", "SensorError ")), each
        else:
            assert all(RANGES[name][0] <= each[name] <= RANGES[name][1] for name in each), each
    assert any(isinstance(each, str) for each in said) or kind == "bh1750", said


@pytest.mark.parametrize("kind", ["bme280", "bmp280"])
def test_part_changed_for_another_between_two_samples_is_read_with_its_own_constants(tmp_path, kind):
    program = """
print(read())
old = driver._calibration
print(read())
print(driver._calibration is old)
part().power_on()
print(read())
print(driver._calibration is old)
"""
    said = bench(tmp_path, kind).run(program)
    assert all(good(each) for each in (said[0], said[1], said[3]))
    assert (said[2], said[4]) == ("True", "False")


def test_part_that_lost_step_is_clocked_until_it_lets_go(tmp_path):
    said = bench(tmp_path, "bme280").run("print(read())\nput(i2c='slipped')\nprint(read())\nprint(read())\n")
    assert all(good(each) for each in said)


def test_wire_of_a_ds18b20_that_is_held_low_is_not_zero_degrees(tmp_path):
    """Nine zeros have the right CRC."""
    program = "print(read())\nput(onewire='low')\nprint(read())\nprint(read())\nput()\nprint(read())\n"
    program += "print(read(300, onewire='low'))\nput()\nprint(read())\n"
    before, low, still, after, meanwhile, again = bench(tmp_path, "ds18b20").run(program)
    assert good(before)
    assert good(after)
    assert good(again)
    assert meanwhile == "SensorError DS18B20 does not answer"
    assert low == still == "SensorError the 1-Wire line is held low"


UNFIT = {
    "a pin that the chip does not have": ("dht22", {"pin": 24}, {}),
    "a pin that measures no voltage": ("ntc", {"pin": 24}, {}),
    "I2C on pins that are inputs": ("bme280", {}, {"i2c": {"sda": 34, "scl": 22, "freq_hz": 100_000}}),
    "1-Wire on a pin that is an input": ("ds18b20", {}, {"onewire": {"pin": 39}}),
}


@pytest.mark.parametrize("name", UNFIT)
def test_pins_that_cannot_be_used_are_known_when_the_mote_starts(tmp_path, name):
    """Later, nobody would catch it and the mote would start anew for ever; here it stops with words."""
    kind, change, settings = UNFIT[name]
    said = SensorBench(tmp_path, sensor_of(kind, **change), settings=settings).run("print('made')\n")
    assert said[-1].startswith("ValueError: ")
    assert "made" not in said


def test_coefficients_of_no_thermistor_are_missing(tmp_path):
    sensor = sensor_of("ntc", r_25=None, beta=None, steinhart=[0, 0, 0])
    parts = [{"part": "ntc"} | {key: value for key, value in sensor_of("ntc").items() if key not in ("kind", "names")}]
    assert SensorBench(tmp_path, sensor, parts=parts).run("print(read())\n") == [
        "SensorError coefficients of no thermistor"
    ]


def test_waits_leave_the_board_to_others(tmp_path):
    """While any part converts, another task runs: no driver waits busily."""
    program = """
count = 0
async def others():
    global count
    while True:
        await asyncio.sleep_ms(2)
        count += 1
async def reading():
    task = asyncio.create_task(others())
    await driver.read()
    task.cancel()
asyncio.run(reading())
print(count > 1)
"""
    for kind in [*I2C_KINDS, "ds18b20", "dht22"]:
        assert bench(tmp_path / kind, kind).run(program) == ["True"], kind
