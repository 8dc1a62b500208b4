"""Two days of a room, felt in seconds: the relay switches, and the alarm is raised, at the rows that a person finds.

The recording is made here, a row each three minutes, unless RECORDING names one that `ironmote demo --replay` takes.
The TMP117 gives multiples of 1/128 of a degree, so that is what the rows are rounded to first; no row of three
decimals lies halfway between two of them. What a person computes is in `person`, with nothing of the project in it.
"""

import math
import os
import random
from pathlib import Path

import pytest
from ironmote.demo import replay
from ironmote.gateway import RecordSeen
from ironmote.simulate import SimulatedMote
from running import Stage

ROWS = 960
LOW, HIGH = 20.5, 21.5  # of the thermostat: 21, half a degree either way
ABOVE, CLEAR = 22.0, 21.75  # of the alarm
BAND = 0.25
SENT = 1 / 256  # what is sent is cut to the digits that matter, by less than half a step of the sensor
RELAY_PIN = 12
SPEED = 40
SLOW = {"keepalive_s": 3600, "timeout_ms": 60_000, "watchdog_s": 0, "health_s": 0}  # by a clock that is so much faster


def person(temperatures: list[float]) -> tuple[list[tuple[int, int]], list[float], list[bool]]:
    """(row, on or off) of each switch; the temperatures that are reported; the alarm each time that it changes."""
    heater, alarm, reported = 0, None, None
    switches, reports, alarms = [], [], []
    for row, felt in enumerate(round(each * 128) / 128 for each in temperatures):
        wanted = 1 if felt <= LOW else 0 if felt >= HIGH else heater
        raised = felt > (CLEAR if alarm else ABOVE)
        if wanted != heater:
            switches.append((row, wanted))
        if raised != alarm:
            alarms.append(raised)
        if reported is None or abs(felt - reported) > BAND or raised != alarm:
            reports.append(felt)
            reported = felt
        heater, alarm = wanted, raised
    return switches, reports, alarms


def a_recording() -> list[replay.Row]:
    """Two days that swing around the thermostat, with weather and noise, to three decimals."""
    chance = random.Random(20150202)
    rows, weather = [], 0.0
    for row in range(ROWS):
        weather = 0.98 * weather + chance.gauss(0, 0.05)
        day = 1.6 * math.sin(2 * math.pi * (2 * row / ROWS - 0.3))
        rows.append(replay.Row(round(21.2 + day + weather + chance.gauss(0, 0.02), 3), 40.0, 100.0))
    return rows


@pytest.fixture
def rows() -> list[replay.Row]:
    given = os.environ.get("RECORDING")
    return replay.load(Path(given)) if given else a_recording()


def test_heater_and_alarm_change_at_the_rows_that_a_person_computes(tmp_path: Path, rows: list[replay.Row]):
    switches, reports, alarms = person([row.temperature_c for row in rows])
    assert len(switches) >= 4, "a recording in which nothing happens proves nothing"
    assert len(alarms) >= 3
    path = tmp_path / "rows"
    replay.write(rows, path)
    stage = Stage(tmp_path)
    try:
        stage.start_gateway()
        mote = thermostat(stage, path)
        mote.start()
        stage.wait(lambda: len(of(stage, "air")) >= len(reports), within_s=300)
        stage.wait(lambda: len(of(stage, "relay")) >= len(switches))
        assert driven(mote, path) == switches
        assert of(stage, "air") == pytest.approx(reports, abs=SENT)
        assert of(stage, "air:high") == alarms
        assert of(stage, "relay") == [bool(value) for _, value in switches]
        assert mote.restarts == 0
    finally:
        stage.close()


def thermostat(stage: Stage, path: Path) -> SimulatedMote:
    """A mote that feels the recording at `path`, drives its relay by it and has an alarm."""
    return stage.mote(
        world={"kind": "replay", "rows": str(path)},
        speed=SPEED,
        sample_ms=160,
        sensors=[{"kind": "tmp117", "address": 72, "names": {"temperature": "air"}}],
        values=[{"name": "air", "deadband": BAND, "heartbeat_s": 86_400, "above": ABOVE, "hysteresis": ABOVE - CLEAR}],
        rules=[{"kind": "thermostat", "actuator": "relay", "sensor": "air", "target": 21.0, "hysteresis": 0.5}],
        **SLOW,
    )


def of(stage: Stage, name: str) -> list:
    """What was reported under `name`, in the order in which it was taken."""
    records = sorted(stage.of(RecordSeen), key=lambda record: record.number)
    return [reading.value for record in records for reading in record.readings if reading.name == name]


def driven(mote: SimulatedMote, path: Path) -> list[tuple[int, int]]:
    """(row, level) of each change of the relay's pin, after its safe state at the start."""
    ends = {0: -1}
    offset = 0
    for row, line in enumerate(path.read_bytes().splitlines(keepends=True)):
        offset += len(line)
        ends[offset] = row
    found = []
    for line in (mote.folder / "driven").read_text().splitlines():
        end, pin, level = line.split(" ", 2)
        if int(pin) == RELAY_PIN:
            found.append((ends[int(end)], int(level)))
    assert found[0] == (-1, 0)
    return found[1:]
