"""A board of 36 KB: what provisioning lets through runs on it, and the rest is refused before anything is written."""

import sys
from dataclasses import replace
from pathlib import Path

import full_board
import pytest
from ironmote import boards, device
from ironmote.errors import IronmoteError
from ironmote.gateway import CommandEnded, RecordSeen, StateSeen
from running import Stage

sys.path.append(str(Path(__file__).parent.parent / "benchmarks"))
import simulated_heap

ESP8266 = boards.load("esp8266")


def test_four_sensors_with_values_and_four_actuators_run_in_36_kb(stage):
    code, simulation = simulated_heap.measure(ESP8266, full_board.FITS)
    profile = replace(ESP8266, frozen_code_bytes=code, sim_bytes=simulation, heap_bytes=36_000)
    fields = full_board.FITS
    gateway = stage.start_gateway()
    mote = stage.mote(profile=profile, sample_ms=2500, outbox=16, health_s=10, **fields)
    mote.start()
    names = {name for sensor in fields["sensors"] for name in sensor["names"].values()}
    stage.wait(lambda: names <= {each.name for seen in stage.of(RecordSeen) for each in seen.readings})
    for actuator in fields["actuators"]:
        gateway.send("cellar", actuator["name"], 1)
    done = stage.wait(lambda: len(stage.of(CommandEnded)) == 4 and stage.of(CommandEnded))
    assert {(each.name, each.result) for each in done} == {(each["name"], "done") for each in fields["actuators"]}
    told = stage.wait(lambda: [each.state for each in stage.of(StateSeen) if each.state.online][1:])
    assert told[-1].dropped == 0
    assert mote.restarts == 0
    # A status that finds no room at a busy moment is told later; nothing else may want for any.
    wanted = [line for line in mote.console if "emory" in line]
    assert [line for line in wanted if "no memory for the status" not in line] == []
    assert len(wanted) <= 1


def settings_of(stage: Stage, **change):
    return dict(stage.mote(**full_board.FITS).settings) | change


def test_more_than_there_is_room_for_is_refused_with_what_it_needs(stage):
    fields = settings_of(stage, **full_board.SETTINGS)
    words = (
        r"12 sensors \(650 each\), 12 values \(300 each\), 4 actuators \(300 each\) need 12600 bytes of heap, and an "
        r"esp8266 has 5000 for them; take some away, or a larger board"
    )
    with pytest.raises(IronmoteError, match=words):
        device.build_flash(ESP8266, fields, {})


def test_board_with_room_for_tls_takes_them_all(stage):
    fields = settings_of(stage, **full_board.SETTINGS, board="esp32")
    assert "/settings.cbor" in device.build_flash(boards.load("esp32"), fields, {})
