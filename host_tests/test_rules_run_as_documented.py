"""The rules of docs/RULES.md are taken as they stand there, in the file of a mote that has what they name."""

import re
from pathlib import Path

from ironmote import mote_file

DOCUMENT = Path(__file__).parent.parent / "docs" / "RULES.md"
MOTE = """
board = "esp32"

[[sensor]]
kind = "sht4x"
address = 0x44
names = { temperature = "air" }

[[sensor]]
kind = "bh1750"
address = 0x23
names = { illuminance = "desk" }

[[actuator]]
kind = "relay"
name = "heater"
pin = 23
safe = 0

[[actuator]]
kind = "dimmer"
name = "lamp"
pin = 18
safe = 0

[[actuator]]
kind = "relay"
name = "porch"
pin = 19
safe = 0
"""


def test_documented_rules_are_taken(tmp_path: Path):
    examples = re.findall(r"```toml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    path = tmp_path / "cellar.toml"
    path.write_text(MOTE + "\n".join(examples))
    rules = mote_file.load(path).fields["rules"]
    assert [rule["kind"] for rule in rules] == ["thermostat", "light", "schedule"]
    assert rules[2]["times"] == [[390, 1], [1320, 0]]
