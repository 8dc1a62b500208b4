"""A session's connection is reset behind its first 2,048 bytes, and behind the first 512 of the answers, one by one.

Here behind every sixteenth; `make soak ARGS=--every-byte` takes them all.
"""

from swift_boards import SwiftBoard, reasons

BYTES = 2048
STEP = 16


def test_reset_anywhere_in_a_session_loses_no_record_and_the_mote_goes_on(tmp_path):
    board = SwiftBoard(tmp_path / "board", "every_byte", sample_ms=500)
    said, counted = reasons(board.run(3, BYTES, STEP))
    assert said[-2:] == ["held", "status 0"], said[-20:]
    assert not [words for words in counted if "failed:" in words]
    assert int(said[-3].split()[1]) >= BYTES // STEP, said[-3]
