"""`ironmote check`: what is right is shown as the mote that it makes, what is wrong is a line each and status 1."""

import json

import pytest
from ironmote import fleet_file
from ironmote.cli import main

GOOD = """board = "esp8266"
sample_ms = 5000
sleep_ms = 60000

[[sensor]]
kind = "sht4x"
address = 0x44
names = { temperature = "air" }

[[actuator]]
kind = "relay"
name = "pump"
pin = 12
safe = 0
"""


@pytest.fixture
def write(tmp_path):
    def written(name, text):
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return written


def test_mote_is_shown_with_its_sensors_pins_channel_and_memory(write, capsys):
    path = write("kitchen.toml", GOOD)
    assert main(["check", path]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    for words in (
        f"{path}: good",
        "board     esp8266",
        "channel   sealed: this firmware's ssl cannot verify a broker",
        "samples   every 5 s, deep sleep of 60 s",
        "sensor    sht4x 0x44: air (temperature)",
        "actuator  relay: pump",
        "pins      4 i2c.sda, 5 i2c.scl, 12 actuator[0].pin, 2 led",
        "of 36 KB of heap, the code is in the image (heap: measured)",
    ):
        assert words in out


def test_each_error_is_a_line_and_the_other_files_are_still_looked_at(write, capsys, tmp_path):
    bad = write("bad.toml", GOOD.replace("address", "adress").replace("pin = 12", "pin = 6"))
    channel = write("channel.toml", 'floor = "tls"\n' + GOOD)
    assert main(["check", bad, str(tmp_path / "none.toml"), channel, write("good.toml", GOOD)]) == 1
    out, err = capsys.readouterr()
    assert err.splitlines() == [
        f"{bad}:5: sensor[0].address: is missing",
        f"{bad}:7: sensor[0].adress: no such setting; did you mean address?",
        f"{tmp_path}/none.toml: there is no such file; did you mean channel.toml?",
        f"{channel}: channel: nothing at or above tls is possible here: this firmware's ssl cannot verify a broker, "
        "and the board has no room for a TLS session",
    ]
    assert "good.toml: good" in out


def test_a_mote_in_place_of_its_file_is_told_the_file(write, capsys, tmp_path, monkeypatch):
    (tmp_path / "motes").mkdir()
    write("motes/kitchen.toml", GOOD)
    for where, word, meant in (
        (tmp_path, "kitchen", "motes/kitchen.toml"),
        (tmp_path / "motes", "kitchen", "kitchen.toml"),
        (tmp_path, "motes/kitchn.toml", "kitchen.toml"),
    ):
        monkeypatch.chdir(where)
        assert main(["check", word]) == 1
        assert capsys.readouterr().err == f"{word}: there is no such file; did you mean {meant}?\n"


def test_json_has_every_file_with_its_errors(write, capsys):
    files = [write("a.toml", GOOD), write("b.toml", GOOD.replace("12", "34"))]
    assert main(["check", "--json", *files]) == 1
    good, bad = json.loads(capsys.readouterr().out)
    assert good["errors"] == []
    assert good["pins"] == {"i2c.sda": 4, "i2c.scl": 5, "actuator[0].pin": 12, "led": 2}
    assert good["memory"]["fits"]
    assert bad["errors"] == [f"{files[1]}:13: actuator[0].pin: esp8266 has no pin 34; it has 0, 2, 4-5, 12-16"]


def test_defaults_of_the_fleet_count_where_the_file_is_in_its_folder(write, capsys, tmp_path):
    text = GOOD.replace("sample_ms = 5000\n", "").replace("sleep_ms = 60000\n", "")
    (tmp_path / "motes").mkdir()
    path = write("motes/kitchen.toml", text)
    assert main(["check", path]) == 0
    assert "every 10 s" in capsys.readouterr().out
    write("fleet.toml", fleet_file.new("house", bytes(16)).replace("[defaults]\n", "[defaults]\nsample_ms = 7000\n"))
    assert main(["check", path]) == 0
    assert "every 7 s" in capsys.readouterr().out


def test_zone_values_and_rules_are_shown(write, capsys, tmp_path):
    write("fleet.toml", fleet_file.new("house", bytes(16)))
    (tmp_path / "motes").mkdir()
    rule = "[[rule]]\nkind = 'thermostat'\nactuator = 'pump'\nsensor = 'air'\ntarget = 21\nhysteresis = 1\n"
    text = GOOD.replace("sleep_ms = 60000\n", "") + "[[value]]\nname = 'air'\nabove = 28\n" + rule
    path = write("motes/kitchen.toml", text)
    assert main(["check", path]) == 0
    out = capsys.readouterr().out
    for words in (
        "networks  none yet: ssid in [wifi] of fleet.toml",
        "zone      clear\n",
        "value     air: above\n",
        "rule      thermostat: pump, by air\n",
    ):
        assert words in out
    path = write("motes/kitchen.toml", "zone = 'claer'\n" + text)
    assert main(["check", path]) == 1
    assert capsys.readouterr().err == f"{path}: zone: fleet.toml has home, clear; did you mean clear?\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('ntp = ""\n' + GOOD.replace("esp8266", "esp32").replace("12", "19"),
         "on tls no certificate is judged without the time"),
        (
            "ntp = ' , '\n" + GOOD.replace("sleep_ms = 60000\n", "")
            + "[[rule]]\nkind = 'schedule'\nactuator = 'pump'\ntimes = [['07:30', 1]]\n",
            "a schedule goes by the time of day",
        ),
        ('ntp = ""\n' + GOOD, None),
    ],
)  # fmt: skip
def test_mote_that_needs_the_time_has_a_time_server(write, capsys, text, said):
    path = write("kitchen.toml", text)
    assert main(["check", path]) == (0 if said is None else 1)
    err = capsys.readouterr().err
    assert err.endswith(f"ntp: a time server: {said}\n") if said else err == ""


def test_what_a_small_board_has_no_room_for_is_refused_and_the_next_file_looked_at(write, capsys):
    sensors = "".join(
        f"[[sensor]]\nkind = 'ds18b20'\nrom = '28{number:014x}'\nnames = {{ temperature = 't{number}' }}\n"
        for number in range(12)
    )
    files = [write("large.toml", GOOD + sensors), write("good.toml", GOOD)]
    assert main(["check", *files]) == 1
    out, err = capsys.readouterr()
    assert err.startswith(f"{files[0]}: settings of 'large': 13 sensors (650 each), 1 actuators (300 each) need 8750")
    assert err.count("\n") == 1
    assert f"{files[1]}: good" in out
    assert "about 31 of 36 KB of heap" in out
