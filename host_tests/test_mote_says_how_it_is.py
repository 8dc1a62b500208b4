"""What running motes say of themselves: whole at each connect, again on a slow period, and when something matters."""

import json
import time
from pathlib import Path

import pytest
from ironmote.gateway import RecordSeen, StateSeen
from mote import __version__
from running import Stage
from test_time_servers_lie import DAY, Site

pytestmark = pytest.mark.long


@pytest.fixture
def site(tmp_path: Path):
    site = Site(tmp_path, {"porch": "tls", "shed": "tls+sealed", "attic": "tls+sealed"})
    yield site
    site.close()


def states(site: Site, name: str) -> list:
    return [each.state for each in site.of(StateSeen, name) if each.state.online]


@pytest.mark.parametrize("name", ["porch", "shed"])
def test_status_at_connect_says_all_that_there_is_to_say(site, name):
    site.start(name)
    (state,) = site.wait(lambda: states(site, name))[:1]
    assert (state.board, state.version, state.reset) == ("esp32", __version__, "power on")
    assert state.firmware.count(".") == 2
    assert 0 < state.low <= state.free
    assert state.used > 0
    assert (state.rssi, state.joins, state.clock) == (-57, 1, "sntp")
    assert (state.dropped, state.refused, state.missing) == (0, 0, ())
    assert state.last == "", "a start that goes well has no warning, with certificates neither"
    assert state.lost == ""


def test_clock_that_nobody_sets_is_a_warning_and_that_it_was_set_is_said(site):
    mote = site.start("porch", {"ntp": "silent"})
    site.wait(lambda: mote.said("warning clock: not set: no certificate can be judged, nothing is sent"))
    assert not mote.said("clock: set")
    mote.put("{}")
    site.wait(lambda: states(site, "porch"))
    assert mote.said("clock: set") == 1
    assert states(site, "porch")[0].last.startswith("clock: ")


def test_session_that_was_lost_is_in_the_next_status(site):
    mote = site.start("porch")
    site.wait(lambda: states(site, "porch"))
    site.broker.stop()
    site.wait(lambda: mote.said("warning link: lost"))
    site.broker.start()
    site.wait(lambda: len(states(site, "porch")) > 1)
    state = states(site, "porch")[-1]
    assert state.connection > 1
    assert state.lost.startswith("OSError ")
    assert state.last == "link: lost:"


def test_sensor_that_goes_missing_is_told_and_that_it_is_back(site):
    mote = site.start("shed", health_s=0)
    site.wait(lambda: states(site, "shed"))
    mote.put(json.dumps({"bh1750": "unplugged"}))
    site.wait(lambda: states(site, "shed")[-1].missing == ("bh1750",))
    mote.put("{}")
    site.wait(lambda: states(site, "shed")[-1].missing == ())
    assert {state.connection for state in states(site, "shed")} == {1}


def test_status_comes_every_period_and_without_one_only_at_connect(site):
    site.start("porch", health_s=10)
    site.start("attic", health_s=0)
    site.wait(lambda: len(states(site, "porch")) > 2 and site.of(RecordSeen, "attic"))
    first, second, third = [state.uptime for state in states(site, "porch")[:3]]
    assert second - first >= 10
    assert third - second >= 10
    assert len(states(site, "attic")) == 1, "no status but the one of its connect"


def test_status_of_a_small_sealed_board_leaves_it_as_much_memory_as_it_had(tmp_path: Path):
    """A status is built, sealed and sent many times over; the least that was free stays what it was."""
    stage = Stage(tmp_path)
    try:
        stage.start_gateway()
        mote = stage.mote(health_s=10, sample_ms=500, clock_floor=int(time.time()) - DAY)
        mote.start()
        stage.wait(lambda: len(stage.of(StateSeen)) > 4)
        told = [each.state for each in stage.of(StateSeen) if each.state.online]
        assert max(len(message) for _, message in stage.links["cellar"].sealed()) <= 1024
        assert told[-1].low >= told[1].low * 3 // 4
        assert mote.restarts == 0
    finally:
        stage.close()
