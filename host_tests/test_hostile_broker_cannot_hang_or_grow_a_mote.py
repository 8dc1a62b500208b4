"""A short form of `make fuzz`: packet streams that no broker sends, against a running mote with little heap."""

import fuzz_link
import pytest

pytestmark = pytest.mark.long


@pytest.mark.parametrize("seed", [3, 20261121])
def test_mote_leaves_every_hostile_session_in_time_grows_by_nothing_and_works_after(tmp_path, seed):
    said, counted = fuzz_link.run(1000, seed, tmp_path / "board")
    assert not fuzz_link.verdict(said, counted)
    assert sum(counted.values()) > 500  # sessions that were lost for a reason, each said
