"""Hours of a running mote in simulated time: the heap in use is at the end what it was after the first minutes."""

import pytest
from swift_boards import SwiftBoard, reasons

pytestmark = pytest.mark.long

MINUTES = 120


def test_two_hours_of_records_pings_orders_and_outages_leave_the_heap_as_it_was(tmp_path):
    board = SwiftBoard(tmp_path / "board", "long_run", sample_ms=3000, keepalive_s=5)
    said, counted = reasons(board.run(MINUTES, 7))
    print("\n".join(said))
    assert said[-2:] == ["held", "status 0"], said[-20:]
    assert not [words for words in counted if "failed:" in words]
    assert sum(line.startswith("interval") for line in said) == 13
