"""The TOML of docs/HARDWARE.md and docs/OPERATIONS.md that describes a mote makes one, as it stands there."""

import re
from pathlib import Path

from ironmote import mote_file

DOCS = Path(__file__).parent.parent / "docs"
BLOCK = re.compile(r"```toml\n(.*?)```", re.DOTALL)


OF_A_MOTE = re.compile(r"^\[\[(sensor|value|actuator|rule)\]\]", re.MULTILINE)


def blocks(document: str) -> list[str]:
    return [text for text in BLOCK.findall((DOCS / document).read_text("utf-8")) if OF_A_MOTE.search(text)]


def test_hardwares_sensors_values_and_actuators_are_one_mote(tmp_path: Path):
    path = tmp_path / "kitchen.toml"
    path.write_text('board = "esp32"\n' + "\n".join(blocks("HARDWARE.md")))
    fields = mote_file.load(path).fields
    assert [each["kind"] for each in fields["sensors"]] == ["sht4x", "ds18b20", "dht22", "ntc", "ldr"]
    assert [each["kind"] for each in fields["actuators"]] == ["relay", "dimmer", "servo"]
    assert fields["values"][0]["median"] == 3


def test_operations_room_with_a_heater_goes_below_the_five_lines(tmp_path: Path):
    five, room = blocks("OPERATIONS.md")
    path = tmp_path / "kitchen.toml"
    path.write_text(five)
    assert len([line for line in five.splitlines() if line]) == 5
    assert [each["kind"] for each in mote_file.load(path).fields["sensors"]] == ["sht4x"]
    path.write_text(five + room)
    assert [each["kind"] for each in mote_file.load(path).fields["rules"]] == ["thermostat", "schedule"]
