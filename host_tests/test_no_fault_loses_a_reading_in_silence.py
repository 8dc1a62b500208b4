"""A short form of `make soak`: every kind of fault once, on motes of three channels, two brokers and their gateways."""

import pytest
import soak
import soak_faults
from ironmote.brokers.mosquitto import find_mosquitto
from ironmote.errors import MissingTool

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    try:
        find_mosquitto()
    except MissingTool as error:
        pytest.skip(str(error))
    found = soak.run(("nats", "mosquitto"), 0, 11, tmp_path_factory.mktemp("soak") / "site", once=True, spread=True)
    print(found.words())
    return found


def test_every_reading_is_stored_once_or_its_loss_is_told(result):
    total = soak.counts(result.accounts.values())
    assert total["taken"] > 300
    assert total["once"] > total["taken"] // 2
    assert not total["silent"], result.words()
    assert not total["repeated"], result.words()


def test_no_mote_gives_up_and_no_part_cannot_be_mended(result):
    assert not result.gave_up
    assert not result.failed
    assert all(result.sessions.values())


def test_every_kind_of_fault_was_put_on_somebody(result):
    assert set(result.acted) == set(soak_faults.EVERY)
