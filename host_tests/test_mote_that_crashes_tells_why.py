"""Running motes whose starts crash: safe mode, the way back to settings that worked, and who cannot cause it."""

import binascii
import json
import struct
from pathlib import Path

import pytest
from ironmote.gateway import CommandEnded, RecordSeen, StateSeen
from mote import cbor, lastgood, rtc
from mote import settings as device_settings
from running import Stage

pytestmark = pytest.mark.long

CRASHING = """
class Driver:
    def __init__(self, spec, buses):
        pass
    async def read(self):
        raise TypeError("a secret that is in no status")
"""
GRACE_S = 8
QUICK = {"keepalive_s": 5, "timeout_ms": 1000, "watchdog_s": GRACE_S}


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    made = Stage(tmp_path_factory.mktemp("stage"), ("cellar", "attic", "porch"), "esp32")
    made.start_gateway()
    # It has to stand for its grace before what it runs on is remembered: tests wait for it.
    made.mote("attic", **QUICK).start()
    yield made
    made.close()


def flash(mote, name) -> Path:
    return mote.folder / "flash" / name


def changed(mote, **change) -> bytes:
    """Other settings of the same life, put onto the board as a cable puts them."""
    data = device_settings.to_cbor(dict(mote.settings) | change)
    flash(mote, "settings.cbor").write_bytes(data)
    return data


def states(stage, name, mode):
    return [each.state for each in stage.of(StateSeen, name) if each.state.online and each.state.mode == mode]


def said(mote, words) -> int:
    return len([line for line in mote.console if words in line])


def crashes(mote) -> int:
    data = (mote.folder / "rtc").read_bytes()[8:]
    return rtc.Memory(lambda: data).trial()[1]


def test_mote_that_crashes_in_a_row_tells_why_from_safe_mode_measures_nothing_and_obeys_nothing(stage):
    mote = stage.mote("cellar")
    stage.links["cellar"].judge = lambda direction, packet: False
    mote.start()
    for crashes_before in (0, 1):  # a program that hangs
        stage.wait(lambda crashes_before=crashes_before: said(mote, "started by") == crashes_before + 1)
        mote.bite()
    (driver,) = mote.folder.rglob("sensors/bh1750.mpy")
    works = driver.read_bytes()
    driver.unlink()
    driver.with_suffix(".py").write_text(CRASHING)
    stage.links["cellar"].judge = lambda direction, packet: True
    (state,) = stage.wait(lambda: states(stage, "cellar", "safe"))[:1]
    assert state.mode_why.startswith("TypeError in ")
    assert "bh1750.py line 6" in state.mode_why
    assert "secret" not in repr(state)
    assert state.channel == "sealed"
    assert mote.restarts == 3
    assert not stage.of(RecordSeen, "cellar")
    stage.gateway.send("cellar", "relay", 1)
    (answer,) = stage.wait(lambda: stage.of(CommandEnded, "cellar"))
    assert (answer.result, answer.value) == ("refused", 0)
    assert answer.why.startswith("safe mode: TypeError in ")
    assert json.loads((mote.folder / "pins.json").read_text())["12"] == 0, "the relay"

    # Other settings end it, with the driver that works.
    driver.with_suffix(".py").unlink()
    driver.write_bytes(works)
    changed(mote, sample_ms=400)
    mote.bite()
    stage.wait(lambda: stage.of(RecordSeen, "cellar"))
    assert states(stage, "cellar", "")


def test_new_settings_that_crash_give_way_to_the_last_that_worked_until_others_come(stage):
    mote = stage.motes["attic"]
    stage.wait(lambda: flash(mote, "settings.last").stat().st_size)  # empty is erased
    old = flash(mote, "settings.cbor").read_bytes()
    remembered = flash(mote, "settings.last").read_bytes()
    assert remembered.endswith(old)

    # A driver that is not on the board.
    bad = changed(mote, sensors=[{"kind": "dht22", "pin": 25, "names": {"temperature": "t"}}], sample_ms=200)
    mote.bite()
    (state,) = stage.wait(lambda: states(stage, "attic", "back"))[:1]
    assert state.mode_why.startswith("ImportError("), state.mode_why
    assert flash(mote, "settings.cbor").read_bytes() == bad, "they stay for whoever wants to look"
    seen = len(stage.of(RecordSeen, "attic"))
    stage.wait(lambda: len(stage.of(RecordSeen, "attic")) > seen)

    # It stays so without power.
    mote.stop()
    since = len(states(stage, "attic", "back"))
    mote.start()
    stage.wait(lambda: len(states(stage, "attic", "back")) > since)
    assert states(stage, "attic", "back")[-1].mode_why == state.mode_why

    # Others end it.
    since = len(states(stage, "attic", ""))
    changed(mote, sample_ms=250)
    mote.bite()
    stage.wait(lambda: len(states(stage, "attic", "")) > since)


def test_settings_that_do_not_check_give_way_at_once_and_what_is_torn_never_does(stage):
    mote = stage.motes["attic"]
    stage.wait(lambda: flash(mote, "settings.last").stat().st_size)
    mote.stop()
    since = len(states(stage, "attic", "back"))
    data = cbor.decode(changed(mote), 5, 1024) | {"outbox": 1}
    flash(mote, "settings.cbor").write_bytes(cbor.encode(data))
    mote.start()
    stage.wait(lambda: len(states(stage, "attic", "back")) > since)
    assert states(stage, "attic", "back")[-1].mode_why.startswith("outbox: a whole number from 4")
    mote.stop()
    for torn, said in ((b"", "no settings; provision this mote"), (cbor.encode(data)[:-1], "damaged")):
        flash(mote, "settings.cbor").write_bytes(torn)
        mote.start()
        stage.wait(lambda: not mote.alive)
        assert "stopped: " in mote.console[-1]
        assert said in mote.console[-1]


def test_network_that_fails_in_every_way_changes_neither_settings_nor_mode(stage):
    """Whoever holds the broker and the path, cuts every session, and lets the watchdog run out."""
    mote = stage.mote("porch", **QUICK)
    stage.links["porch"].judge = lambda direction, packet: False
    last = worked_before(changed(mote, sample_ms=250))
    flash(mote, "settings.last").write_bytes(last)
    before = {name: flash(mote, name).read_bytes() for name in ("settings.cbor", "settings.last")}
    mote.start()
    stage.wait(lambda: said(mote, "started by watchdog: no broker"))
    assert crashes(mote) == 0
    for power_on in range(2, 6):
        mote.stop()  # and the power, too
        mote.start()
        stage.wait(lambda power_on=power_on: said(mote, "started by power on") == power_on)
    assert {name: flash(mote, name).read_bytes() for name in before} == before
    assert said(mote, "safe mode") + said(mote, "last settings") == 0
    stage.links["porch"].judge = lambda direction, packet: True
    stage.links["porch"].cut()
    state = stage.wait(lambda: states(stage, "porch", ""))[-1]
    assert state.mode_why == ""


def worked_before(data: bytes) -> bytes:
    """A copy of settings that worked before those in `data`, of the same life."""
    old = device_settings.to_cbor(cbor.decode(data, 5, 1024) | {"command_age_s": 3600, "sample_ms": 300})
    return struct.pack(lastgood._HEAD, b"l1", binascii.crc32(old), 0, 0, 0) + old
