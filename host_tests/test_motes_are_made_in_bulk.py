"""ironmote bulk: a list of motes onto simulated boards, one after another; nothing is done twice, nothing is lost."""

import csv
import json

import fleets
import pytest
from cable_bench import plugged
from ironmote import board_ports, prompt
from ironmote.fleet_folder import Folder

MOTE = """
board = "esp8266"
channel = "sealed"
[wifi]
ssid = "home"
[[sensor]]
kind = "bh1750"
address = 0x23
names = { illuminance = "light" }
"""
NAMES = ("bed-1", "bed-2", "bed-3")


@pytest.fixture
def site(tmp_path):
    """A fleet without motes, a list of three, and the file that they are made of."""
    folder = fleets.make(tmp_path / "g")
    with folder.unlock(fleets.passphrase) as held:
        held.secrets.wifi["home"] = "swordfish under the sea"
        held.save()
    (tmp_path / "bed.toml").write_text(MOTE)
    (tmp_path / "beds.csv").write_text("id,file\n" + "".join(f"{name},bed.toml\n" for name in NAMES))
    return tmp_path


def bulk(site, *words):
    done = fleets.ironmote("bulk", site / "beds.csv", *words, cwd=site / "g")
    return done, {each["id"]: each["state"] for each in json.loads(done.out)} if "--json" in words and done.out else {}


def reported(site):
    with (site / "beds.report.csv").open() as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def test_a_board_that_fails_and_one_that_comes_twice_cost_nothing_and_the_same_command_goes_on(site, monkeypatch):
    with plugged(site / "one", "esp8266") as one, plugged(site / "two", "esp8266") as two:
        first, states = bulk(site, "--json", "--port", one.port, "--port", str(site / "nothing"))
        assert (first.status, states) == (1, {"bed-1": "done", "bed-2": "failed", "bed-3": "waits"}), first
        assert "is not there" in reported(site)["bed-2"]["error"]
        again, states = bulk(site, "--json", "--port", one.port)
        assert (again.status, states["bed-1"], states["bed-3"]) == (1, "done", "failed")
        assert "this board is bed-1 already" in reported(site)["bed-3"]["error"]

        def interrupted():
            yield two.port
            raise KeyboardInterrupt

        monkeypatch.setattr(board_ports, "plugged", interrupted)
        cut, _ = bulk(site)
        assert (cut.status, "2 of 3 are done" in cut.errors) == (130, True), cut
    with plugged(site / "three", "esp8266") as three:
        monkeypatch.setattr(board_ports, "plugged", lambda: iter([three.port]))
        last, _ = bulk(site)
    assert (last.status, "3 of 3 are done" in last.out) == (0, True), last
    folder = Folder.open(site / "g")
    assert {name: folder.entry(name).generation for name in folder.mote_ids()} == dict.fromkeys(NAMES, 1)
    assert {row["generation"] for row in reported(site).values()} == {"1"}
    (site / "beds.report.csv").unlink()
    assert bulk(site, "--json")[1] == dict.fromkeys(NAMES, "done")


def test_a_list_that_is_wrong_says_where_and_adds_nothing(site):
    wrong = site / "beds.csv"
    for text, words in (
        ("id,bord\na,esp32\n", "beds.csv:1: there is no column 'bord'; did you mean board?"),
        ("id,board\na,esp33\n", "beds.csv:2: "),
        ("id,board\na,esp32\nB,esp32\n", "beds.csv:3: 'B' cannot be a mote's id"),
        ("id,board\na,esp32\na,esp32\n", "beds.csv:3: a is there twice"),
        ("id,board,file\na,esp32,bed.toml\n", "a is of the board esp32, and bed.toml of esp8266"),
        ("id,file\na,none.toml\n", "none.toml"),
        ("id,board\na,esp32,more\n", "more cells"),
        ("", "the first line is id,board"),
    ):
        wrong.write_text(text)
        done, _ = bulk(site)
        assert (done.status, words in done.errors) == (1, True), done
    assert Folder.open(site / "g").mote_ids() == []


def test_a_port_that_was_there_before_is_left_alone_and_one_that_comes_again_is_another_board(monkeypatch):
    seen = iter([["/dev/a"], ["/dev/a"], ["/dev/a", "/dev/b"], ["/dev/a"], ["/dev/a", "/dev/b"], ["/dev/b"]])
    monkeypatch.setattr(prompt, "ports", lambda: next(seen))
    monkeypatch.setattr(board_ports.time, "sleep", lambda seconds: None)
    found = board_ports.plugged()
    assert [next(found), next(found)] == ["/dev/b", "/dev/b"]
