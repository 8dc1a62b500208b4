"""Who was not let in is counted where alerts find it: by motes of the roster, in our own words, and bounded."""

import functools
import json
import stat
from pathlib import Path

import pytest
import waits
from gateway_motes import a_fleet
from ironmote.authenticator import roster, tally
from ironmote.authenticator.marks import Marks
from ironmote.authenticator.tally import Tallies, Tally
from ironmote.authenticator.verifier import Verifier

until = functools.partial(waits.until, within_s=30)


@pytest.fixture
def counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tally, "_EACH_S", 0.01)
    made = Tally(tmp_path / "authenticator.db")
    made.start()
    yield made
    made.stop()


def test_refused_connects_are_counted_by_mote_and_reason(tmp_path: Path, counted: Tally):
    fleet = a_fleet()
    fleet.motes["cellar"].connect = "token"
    roster.write(tmp_path / "roster.json", roster.of_fleet(fleet))
    marks = Marks(tmp_path / "authenticator.db", create=True)
    verifier = Verifier(roster.RosterFile(tmp_path / "roster.json"), marks, counted.refused)
    tallies = Tallies(tmp_path)
    verifier.decide("cellar", "cellar", "1.4294967297." + "A" * 43)
    verifier.decide("cellar", "cellar", "no token at all")
    for _ in range(3):
        verifier.decide("stranger", "stranger\x1b[31m", "1.4294967297." + "A" * 43)
    found: dict[tuple[str, str], int] = {}

    def added() -> bool:
        for pair, times in tallies.more().items():
            found[pair] = found.get(pair, 0) + times
        return sum(found.values()) == 5

    until(added)
    assert {mote for mote, _ in found} == {"cellar", ""}
    assert found["", "no mote of this zone"] == 3
    assert not tallies.more()
    marks.close()


def test_file_is_its_owners_bounded_and_gone_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tally, "_EACH_S", 0.01)
    made = Tally(tmp_path / "authenticator.db")
    made.start()
    for number in range(3000):
        made.refused(f"mote-{number}", "the token does not verify")
    (path,) = until(lambda: list(tmp_path.glob("*.refused.json")))
    until(lambda: sum(times for *_, times in json.loads(path.read_text())["refused"]) == 3000)
    assert len(json.loads(path.read_text())["refused"]) <= 1001
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    made.stop()
    assert not path.exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"began": 1, "refused": [1]}', '{"began": "x", "refused": []}'])
def test_file_that_is_none_of_ours_counts_nothing(tmp_path: Path, text: str):
    (tmp_path / "authenticator.db.1.refused.json").write_text(text)
    assert not Tallies(tmp_path).more()


def test_what_a_process_that_died_had_left_is_removed(tmp_path: Path, counted: Tally):
    left = tmp_path / "authenticator.db.99999999.refused.json"
    left.write_text('{"began": 1, "refused": [["cellar", "no", 5]]}')
    again = Tally(tmp_path / "authenticator.db")
    again.start()
    again.stop()
    assert not left.exists()
