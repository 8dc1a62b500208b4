"""The simulated parts, felt through the device's own drivers; and what the drivers make of broken ones."""

import ast

import pytest
from board_process import DRIVERS, PARTS, BoardProcess

ALL = DRIVERS + "print([read(d) for d in (bme280, bh1750, ds18b20)])\n"

# The program changes a fault by writing to its own flash; the host's side of it is a hard link.
CHANGE = """
def put(text):
    with open("/faults.json", "w") as file:
        file.write(text)
"""


@pytest.fixture
def board(tmp_path):
    return BoardProcess(tmp_path)


@pytest.fixture
def broken(tmp_path):
    """A board whose faults the program itself changes, through `put`."""
    board = BoardProcess(tmp_path, faults=True)
    (tmp_path / "flash" / "faults.json").write_text("{}")
    (tmp_path / "faults.json").hardlink_to(tmp_path / "flash" / "faults.json")
    return board


def replay(tmp_path, rows):
    path = tmp_path / "rows.csv"
    path.write_text("".join(",".join(str(value) for value in row) + "\n" for row in rows))
    return BoardProcess(tmp_path / "board", world={"kind": "replay", "rows": str(path)})


def test_the_drivers_measure_a_plausible_room(board):
    (line,) = board.run(ALL)
    air, light, probe = ast.literal_eval(line)
    assert 15 < air["temperature"] < 27
    assert 30 < air["humidity"] < 65
    assert 99_000 < air["pressure"] < 103_000
    assert 0 < light["illuminance"] < 700
    assert abs(probe["temperature"] - air["temperature"]) < 0.3


def test_a_replayed_row_comes_out_as_it_went_in(tmp_path):
    rows = [(23.18, 27.27, 426.0), (-12.34, 88.5, 0.0), (21.0, 50.0, 1546.33), (39.9, 5.25, 50000.0)]
    board = replay(tmp_path, rows)
    for temperature, humidity, light in rows:
        # A process a row: how far the parts have come outlives a reset.
        (line,) = board.run(ALL)
        air, seen, probe = ast.literal_eval(line)
        assert air["temperature"] == pytest.approx(temperature, abs=0.01)
        assert air["humidity"] == pytest.approx(humidity, abs=0.03)
        assert air["pressure"] == pytest.approx(101_325, abs=3)
        assert seen["illuminance"] == pytest.approx(light, abs=0.5)
        assert probe["temperature"] == pytest.approx(temperature, abs=0.04)


def test_each_part_counts_its_own_conversions(tmp_path):
    board = replay(tmp_path, [(20, 50, 100), (21, 51, 200)])
    lines = board.run(DRIVERS + "for d in (bh1750, bh1750, bme280):\n    print(read(d))\n")
    assert [ast.literal_eval(line) for line in lines[:2]] == [{"illuminance": 100.0}, {"illuminance": 200.0}]
    assert ast.literal_eval(lines[2])["temperature"] == pytest.approx(20, abs=0.01)


def test_after_the_last_row_no_part_answers(tmp_path):
    board = replay(tmp_path, [(20, 50, 100)])
    lines = board.run(ALL + "print([read(d) for d in (bme280, bh1750, ds18b20)])\nprint(buses.i2c().scan())\n")
    assert ast.literal_eval(lines[1]) == ["OSError 19", "OSError 19", "SensorError DS18B20 does not answer"]
    assert lines[2] == "[]"
    assert ast.literal_eval(board.run(ALL)[0])[:2] == ["OSError 19", "OSError 19"]


def test_a_part_that_is_not_there_does_not_answer(tmp_path):
    board = BoardProcess(tmp_path, parts=[])
    assert ast.literal_eval(board.run(ALL)[0]) == ["OSError 19", "OSError 19", "SensorError no DS18B20"]


def test_wires_on_other_pins_time_out(tmp_path):
    board = BoardProcess(tmp_path, i2c={"sda": 5, "scl": 18})
    assert board.run(DRIVERS + "print(read(bh1750))\n") == ["OSError 110"]


def test_another_chip_at_the_address_is_refused(broken):
    program = (
        CHANGE + DRIVERS + "put('{\"bme280\": \"chip_id\"}')\nprint(read(bme280))\nput('{}')\nprint(read(bme280))\n"
    )
    lines = broken.run(program)
    assert lines[0] == "SensorError not a BME280"
    assert "temperature" in ast.literal_eval(lines[1])


def test_a_wrong_crc_is_refused(broken):
    program = (
        CHANGE + DRIVERS + "put('{\"ds18b20\": \"crc\"}')\nprint(read(ds18b20))\nput('{}')\nprint(read(ds18b20))\n"
    )
    lines = broken.run(program)
    assert lines[0] == "SensorError DS18B20 does not answer"
    assert "temperature" in ast.literal_eval(lines[1])


def test_the_power_on_value_of_85_degrees_is_refused(broken):
    lines = broken.run(CHANGE + DRIVERS + 'put(\'{"ds18b20": "brownout"}\')\nprint(read(ds18b20))\n')
    assert lines == ["SensorError DS18B20 has not measured"]


@pytest.mark.parametrize("kind", [part["part"] for part in PARTS])
def test_a_part_unplugged_is_missing_and_plugged_in_again_is_read(broken, kind):
    program = (
        CHANGE
        + DRIVERS
        + f"""
for text in ("{{}}", '{{"{kind}": "unplugged"}}', "{{}}"):
    put(text)
    print(read({kind}))
"""
    )
    before, without, after = broken.run(program)
    assert before.startswith("{")
    assert without.startswith(("OSError 19", "SensorError"))
    assert after.startswith("{")


def test_the_search_finds_every_code_on_the_bus(tmp_path):
    codes = ["28ff4a2b3c4d5e", "28aa4a2b3c4d5e", "28ff4a2b3c4d5f", "10000000000001"]
    board = BoardProcess(tmp_path, parts=[{"part": "ds18b20", "pin": 4, "rom": code} for code in codes])
    program = (
        "from machine import Pin\nfrom onewire import OneWire\nbus = OneWire(Pin(4))\n"
        "print([bytes(r[:7]).hex() for r in bus.scan()], [bus.crc8(r) for r in bus.scan()])\n"
    )
    found, checks = board.run(program)[0].split("] [")
    assert sorted(ast.literal_eval(found + "]")) == sorted(codes)
    assert checks == "0, 0, 0, 0]"


def test_a_bh1750_read_too_early_gives_its_last_value(tmp_path):
    board = replay(tmp_path, [(20, 50, 100), (20, 50, 300)])
    program = DRIVERS + (
        "import time\ni2c = buses.i2c()\n"
        "for wait in (0, 130):\n    i2c.writeto(35, b'\\x20')\n    time.sleep_ms(wait)\n"
        "    print(int.from_bytes(i2c.readfrom(35, 2), 'big'))\n"
    )
    assert board.run(program) == ["0", "360"]
