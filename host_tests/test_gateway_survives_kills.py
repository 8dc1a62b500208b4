"""A gateway that is killed at any instant loses no record and stores none twice: `make survive` does it 200 times."""

import real_brokers
import survive


def test_gateway_that_is_killed_again_and_again_neither_loses_nor_repeats_a_record(tmp_path):
    real_brokers.require_mosquitto()
    found = survive.run(tmp_path, kills=6)
    assert found.held, found
    assert found.stored == found.sent
    assert found.starts, "no gateway lived long enough to store anything"
