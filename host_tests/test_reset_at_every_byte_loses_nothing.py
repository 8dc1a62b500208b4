"""A session's connection is reset behind each of its first 2,048 bytes, and each of the first 512 of the answers."""

from swift_boards import SwiftBoard, reasons

BYTES = 2048


def test_reset_at_every_byte_of_a_session_loses_no_record_and_the_mote_goes_on(tmp_path):
    board = SwiftBoard(tmp_path / "board", "every_byte", sample_ms=500)
    said, counted = reasons(board.run(0, BYTES, 1))
    assert said[-2:] == ["held", "status 0"], said[-20:]
    assert not [words for words in counted if "failed:" in words]
    assert int(said[-3].split()[1]) >= BYTES, said[-3]
