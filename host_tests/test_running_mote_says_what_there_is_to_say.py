"""A running mote with a deadband and an alarm: few records, none missing, and a link that lives on in the quiet."""

import pytest
from ironmote.gateway import CommandEnded, RecordSeen, StateSeen

CALM, HOT = [20.0, 20.3, 19.8, 20.4, 20.0], [31.0] * 400
AIR = {"name": "air", "offset": 0.5, "deadband": 0.6, "above": 30, "hysteresis": 2}


def measured(stage):
    """The records of what was measured; what becomes of the relay is told in one of its own."""
    return [seen for seen in stage.of(RecordSeen) if seen.readings[0].name != "relay"]


def test_alarm_comes_at_once_and_what_is_within_the_deadband_not_at_all(stage, tmp_path):
    rows = tmp_path / "rows.csv"
    rows.write_text("".join(f"{degrees},40,100\n" for degrees in CALM + HOT))
    gateway = stage.start_gateway()
    mote = stage.mote(
        world={"kind": "replay", "rows": str(rows)},
        sensors=[{"kind": "sht4x", "address": 0x44, "names": {"temperature": "air"}}],
        values=[AIR], sample_ms=200, keepalive_s=5, command_age_s=2, health_s=0,
    )  # fmt: skip
    mote.start()
    told = stage.wait(
        lambda: [each.state for each in stage.of(StateSeen) if each.state.online and each.state.alarms == ("air:high",)]
    )
    assert any("warning alarms: on: air:high" in line for line in mote.console)
    first, second = measured(stage)
    assert [(each.name, each.value) for each in first.readings] == [
        ("air", pytest.approx(20.5, abs=0.02)),
        ("air:high", False),
    ]
    assert [(each.name, each.value) for each in second.readings] == [
        ("air", pytest.approx(31.5, abs=0.02)),
        ("air:high", True),
    ]
    assert (first.number, second.number, told[-1].record) == (1, 2, 2)

    # Nothing was said for longer than an anchor is believed: the order is sealed again on the answer that says so.
    gateway.send("cellar", "relay", 1)
    (ended,) = stage.wait(lambda: stage.of(CommandEnded))
    assert (ended.result, ended.value) == ("done", 1)
    assert told[-1].connection == 1
    assert len(measured(stage)) == 2
    assert mote.restarts == 0
    kinds = {type(each).__name__ for each in stage.events}
    assert kinds <= {"RecordSeen", "StateSeen", "CommandEnded", "MoteConfirmed"}, kinds
