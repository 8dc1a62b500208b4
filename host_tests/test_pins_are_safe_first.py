"""Whatever a start comes to, the pins are safe before it: with no settings, in a boot loop, with a guard that fails."""

import json
from pathlib import Path

import pytest
from board_process import ROOT, BoardProcess
from mote import pins

SAFE = {"5": 1, "12": 0, "18": {"freq": 1000, "duty_u16": 8192}}
FAILS = "raise ValueError('this start fails')\n"
RESETS = "import machine\nmachine.reset()\n"
# What the guard says of starts that failed, and what it remembers of them.
PAUSES = "boot: 4 starts in a row did not reach the broker; waiting 5 s"
COUNTED = "import machine\nfrom mote.rtc import Memory\nprint(Memory(machine.RTC().memory).failed_starts())\n"


@pytest.fixture
def board(tmp_path: Path) -> BoardProcess:
    made = BoardProcess(tmp_path, faults=True)
    (made.folder / "flash" / "boot.py").write_bytes((ROOT / "boot.py").read_bytes())
    (made.folder / "flash" / "pins").write_bytes(pins.pack([(5, 0, 65535), (12, 0, 0), (18, 1000, 8192)]))
    return made


def driven(board: BoardProcess) -> object:
    try:
        return json.loads((board.folder / "pins.json").read_text())
    except FileNotFoundError:
        return None


def module(board: BoardProcess, name: str, source: str) -> None:
    (board.folder / "flash" / "lib" / "mote" / name).write_text(source)


@pytest.mark.parametrize("main", [FAILS, "this is no program", "from mote import app\napp.main()\n"])
def test_pins_are_safe_whatever_the_program_does(board: BoardProcess, main: str):
    board.run(main)
    assert driven(board) == SAFE


def does_not_wait(board: BoardProcess, instead: str) -> None:
    """Have the guard do this instead of pausing."""
    source = (ROOT / "lib" / "mote" / "guard.py").read_text()
    assert source.count("time.sleep(pause_s)") == 1
    module(board, "guard.py", source.replace("time.sleep(pause_s)", instead))


def test_pins_are_safe_before_the_pause_of_a_boot_loop(board: BoardProcess):
    for _ in range(4):
        board.run(RESETS)
        assert driven(board) == SAFE
    does_not_wait(board, "print(open('/.state/pins.json').read())")
    waits, meanwhile = board.run(RESETS)
    assert waits == PAUSES
    assert json.loads(meanwhile) == SAFE


def test_pins_are_safe_where_the_guard_fails(board: BoardProcess):
    module(board, "guard.py", "1 / 0\n")
    board.run(COUNTED)
    assert driven(board) == SAFE
    assert board.status == 1


def test_board_that_loses_its_supply_to_its_pins_pauses_before_them(board: BoardProcess):
    """Each start ends where the pins are made safe, so the pause behind that would never come."""
    module(board, "pins.py", "def safe():\n    import machine\n    print('pins')\n    machine.reset()\n")
    for _ in range(4):
        assert board.run("") == ["pins"]
    does_not_wait(board, "print('paused')")
    assert board.run("") == [PAUSES, "paused", "pins"]


def test_start_whose_pins_were_made_safe_is_one_like_any_other(board: BoardProcess):
    for count in (1, 2):
        assert board.run(COUNTED + "from mote import guard\nprint(guard.cause())\n" + RESETS)[0] == str(count)
    assert "pins" not in board.run("from mote import guard\nprint(guard.cause())\n")[0]


@pytest.mark.parametrize(
    "content", [None, b"", b"p1", b"p1\x05\0\0\xff\xff\0\0\0\0", b"x" * 96, b"x" * 97, b"x" * 10_000]
)
def test_file_of_pins_that_is_missing_or_damaged_stops_nothing_and_drives_nothing(board: BoardProcess, content):
    path = board.folder / "flash" / "pins"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    said = board.run("print('main')\n")
    assert said[-1] == "main"
    assert len(said) == (1 if content is None else 2)
    assert driven(board) is None


def test_pin_that_this_chip_lacks_keeps_none_of_the_others_from_being_safe(board: BoardProcess):
    (board.folder / "flash" / "pins").write_bytes(pins.pack([(6, 0, 0), (5, 0, 65535), (34, 0, 0), (12, 0, 0)]))
    said = board.run("print('main')\n")
    assert [line.split(":")[1] for line in said[:-1]] == [" pin 6", " pin 34"]
    assert driven(board) == {"5": 1, "12": 0}
