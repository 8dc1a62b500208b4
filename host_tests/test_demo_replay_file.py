"""A recording is checked whole before anything starts; each error names file, line and cure."""

from pathlib import Path

import pytest
from ironmote.demo import replay

HEADER = "time,temperature_c,humidity_pct,light_lux\n"


def load(tmp_path: Path, text: str | bytes) -> list[replay.Row]:
    path = tmp_path / "rows.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return replay.load(path)


def test_good_file_gives_its_rows(tmp_path: Path):
    rows = load(tmp_path, HEADER + "2015-02-02T14:19:00,23.7,26.272,585.2\n2015-02-02T14:19:59,23.718,26.29,578.4\n")
    assert rows == [replay.Row(23.7, 26.272, 585.2), replay.Row(23.718, 26.29, 578.4)]
    replay.write(rows, tmp_path / "out")
    assert (tmp_path / "out").read_text() == "23.7,26.272,585.2\n23.718,26.29,578.4\n"


def test_spreadsheet_habits_are_taken(tmp_path: Path):
    text = "\ufeff" + HEADER.replace("\n", "\r\n") + '2015-02-02 14:19:00,"23.7", 26 ,585\r\n\r\n'
    assert load(tmp_path, text) == [replay.Row(23.7, 26.0, 585.0)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ":1: the first line must be time,temperature_c,humidity_pct,light_lux"),
        (HEADER, "no rows"),
        ("time;temperature_c;humidity_pct;light_lux\n", ":1: the first line"),
        (HEADER + "2015-02-02T14:19:00,23.7,26.2\n", ":2: 3 values where 4"),
        (HEADER + "2015-02-02T14:19:00,23.7,26.2,1\nyesterday,1,1,1\n", ":3: time 'yesterday'"),
        (HEADER + "2015-02-02T14:19:00,warm,26.2,1\n", ":2: temperature_c 'warm' is not a number"),
        (HEADER + "2015-02-02T14:19:00,nan,26.2,1\n", "temperature_c 'nan' is not a number"),
        (HEADER + "2015-02-02T14:19:00,inf,26.2,1\n", "temperature_c 'inf' is not a number"),
        (HEADER + "2015-02-02T14:19:00,,26.2,1\n", "temperature_c '' is not a number"),
        (HEADER + "2015-02-02T14:19:00,99,26.2,1\n", "temperature_c 99 is outside -40 to 85"),
        (HEADER + "2015-02-02T14:19:00,20,101,1\n", "humidity_pct 101 is outside 0 to 100"),
        (HEADER + "2015-02-02T14:19:00,20,50,-1\n", "light_lux -1 is outside 0"),
        (HEADER + "2015-02-02T14:19:01,20,50,1\n2015-02-02T14:19:00,20,50,1\n", ":3: 2015-02-02T14:19:00 is earlier"),
        (HEADER + '2015-02-02T14:19:00,"20,50,1\n', "not CSV"),
        (b"\xff\xfe\x00t", "not text in UTF-8"),
        (HEADER.encode() + b"2015-02-02T14:19:00,2\x00,50,1\n", ":2:"),
    ],
)
def test_bad_file_is_refused_in_one_line(tmp_path: Path, text: str | bytes, words: str):
    with pytest.raises(replay.ReplayError) as caught:
        load(tmp_path, text)
    said = str(caught.value)
    assert words in said
    assert "rows.csv" in said
    assert "\n" not in said


def test_unreadable_file_is_refused_in_one_line(tmp_path: Path):
    for path in (tmp_path / "absent.csv", tmp_path):
        with pytest.raises(replay.ReplayError, match="cannot be read"):
            replay.load(path)
