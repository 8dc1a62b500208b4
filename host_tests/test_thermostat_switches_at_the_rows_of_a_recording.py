"""Two days of a room, felt in seconds: the relay switches, and the alarm is raised, at the rows that a person finds.

The recording is made here, a row each three minutes, unless RECORDING names one that `ironmote demo --replay` takes.
The TMP117 gives multiples of 1/128 of a degree and its driver three decimals, so that is what a row is felt as; no row
of three decimals lies halfway between two such multiples. What a person computes is in `person`, with nothing of the
project in it.
"""

import math
import os
import random
from pathlib import Path

import pytest
from ironmote.demo import replay
from ironmote.gateway import RecordSeen
from ironmote.simulate import SimulatedMote
from running import Stage, records_taken

ROWS = 960
LOW, HIGH = 20.5, 21.5  # of the thermostat: 21, half a degree either way
ABOVE, CLEAR = 21.625, 21.5  # of the alarm
BAND = 0.25
THERMOSTAT = {
    "kind": "thermostat", "actuator": "relay", "sensor": "air", "target": 21.0, "hysteresis": 0.5, "stale_s": 36_000,
}  # fmt: skip
RELAY_PIN = 12
SPEED = 40
SLOW = {"keepalive_s": 3600, "timeout_ms": 60_000, "watchdog_s": 0, "health_s": 0}  # by a clock that is so much faster


def person(
    temperatures: list[float], low: float = LOW, high: float = HIGH, above: float = ABOVE, clear: float = CLEAR
) -> tuple[list[tuple[int, int]], list[float], list[bool]]:
    """(row, on or off) of each switch; the temperatures that are reported; the alarm each time that it changes."""
    heater, alarm, reported = 0, None, None
    switches, reports, alarms = [], [], []
    for row, felt in enumerate(round(round(each * 128) / 128, 3) for each in temperatures):
        wanted = 1 if felt <= low else 0 if felt >= high else heater
        raised = felt > (clear if alarm else above)
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
    """Two days that swing six times around the thermostat, with weather and noise, to three decimals."""
    chance = random.Random(20150208)
    rows, weather = [], 0.0
    for row in range(ROWS):
        weather = 0.97 * weather + chance.gauss(0, 0.03)
        swing = 0.8 * math.sin(2 * math.pi * (6 * row / ROWS - 0.3))
        rows.append(replay.Row(round(21 + swing + weather + chance.gauss(0, 0.01), 3), 40.0, 100.0))
    return rows


def test_threshold_that_is_off_by_a_hundredth_of_a_degree_would_be_seen():
    temperatures = [row.temperature_c for row in a_recording()]
    for name, value in (("low", LOW), ("high", HIGH), ("above", ABOVE), ("clear", CLEAR)):
        for other in (value - 0.01, value + 0.01):
            assert person(temperatures, **{name: other}) != person(temperatures), (name, other)


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
        stage.wait(lambda: any("sensors: missing" in line for line in mote.console), within_s=300)
        stage.wait(lambda: len(stage.of(RecordSeen)) == sum(records_taken(mote).values()))
        assert driven(mote, path) == switches
        assert of(stage, "air") == reports
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
        rules=[THERMOSTAT],
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
