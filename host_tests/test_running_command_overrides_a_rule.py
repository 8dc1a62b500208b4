"""A running mote whose lamp is a rule's: a command through the broker holds for its time, then the rule goes on.

In the dark the rule dims the lamp up by at most five percent a sample, so every report says who drives.
"""

from pathlib import Path

import pytest
from ironmote.gateway import CommandEnded, RecordSeen
from running import Stage

SPEED = 4
DARK = "20,40,10\n" * 5000
STEP = 5
FOR_S = 16  # four seconds of ours


@pytest.fixture
def stage(tmp_path: Path):
    (tmp_path / "rows").write_text(DARK)
    stage = Stage(tmp_path)
    stage.start_gateway()
    stage.mote(
        world={"kind": "replay", "rows": str(tmp_path / "rows")},
        speed=SPEED,
        timeout_ms=20_000,
        sample_ms=500,
        actuators=[
            {"kind": "relay", "name": "relay", "pin": 12, "safe": 0},
            {"kind": "dimmer", "name": "lamp", "pin": 13, "safe": 0},
        ],
        rules=[{"kind": "light", "actuator": "lamp", "sensor": "light", "target": 200, "hysteresis": 10}],
    ).start()
    yield stage
    stage.close()


def reported(stage: Stage, name: str) -> list:
    """The states of an actuator, on or off or percent, in the order in which they were."""
    records = sorted(stage.of(RecordSeen), key=lambda record: (record.boot, record.number))
    found = [reading.value for record in records for reading in record.readings if reading.name == name]
    return [value if isinstance(value, bool) else round(value * 100, 1) for value in found]


def test_command_holds_for_its_time_or_until_auto_or_a_start_and_then_the_rule_goes_on(stage: Stage):
    gateway = stage.gateway
    stage.wait(lambda: max(reported(stage, "lamp"), default=0) >= 4 * STEP)

    def obeyed(name: str, value, **how):
        before = len(stage.of(CommandEnded))
        gateway.send("cellar", name, value, **how)
        ended = stage.wait(lambda: stage.of(CommandEnded)[before:])[0]
        assert ended.result == "done", ended
        return ended.value

    assert obeyed("lamp", 2, for_s=FOR_S) == 2
    stage.wait(lambda: reported(stage, "lamp")[-1] == 2)
    assert obeyed("relay", True, for_s=FOR_S // 8) == 1, "no rule drives this one"
    held = len(reported(stage, "lamp"))
    stage.wait(lambda: reported(stage, "relay")[-1:] == [False])
    assert reported(stage, "relay") == [True, False]
    assert reported(stage, "lamp")[held:] == [], "the lamp is held for longer"
    stage.wait(lambda: len(reported(stage, "lamp")) > held + 1)
    assert 2 < reported(stage, "lamp")[held] <= 2 + 4 * STEP, "from where the command left it"

    assert obeyed("lamp", 70, for_s=604_800) == 70
    stage.wait(lambda: reported(stage, "lamp")[-1] == 70)
    obeyed("lamp", "auto")
    stage.wait(lambda: reported(stage, "lamp")[-1] > 70)

    assert obeyed("lamp", 1, for_s=604_800) == 1
    mote = stage.motes["cellar"]
    mote.stop()
    mote.start()
    stage.wait(lambda: reported(stage, "lamp")[-1] >= 4 * STEP)
