"""ironmote simulate: the same mote as on a real board, one life in one place, nothing left running."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import fleets
import pytest
from ironmote.fleet_folder import Folder
from mote import epoch

MOTE = """
board = "esp8266"
[wifi]
ssid = "home"
[[sensor]]
kind = "sht4x"
address = 0x44
names = { temperature = "air", humidity = "damp" }
"""
PASSWORD = "swordfish under the sea"


@pytest.fixture
def site(tmp_path):
    folder = fleets.make(tmp_path / "g", {"kitchen": "esp8266"})
    folder.paths.mote("kitchen").write_text(MOTE)
    with folder.unlock(fleets.passphrase) as held:
        held.secrets.wifi["home"] = PASSWORD
        held.save()
    return folder.paths.root


def simulate(site, *words):
    done = fleets.ironmote("simulate", "kitchen", "--json", *words, cwd=site)
    return done, [json.loads(line) for line in done.out.splitlines()]


def counted(board):
    slots = [epoch.parse_slot((board / f"flash/secrets/{name}").read_bytes()) for name in epoch.SLOTS]
    return max(filter(None, slots))


def processes_of(folder: Path):
    found = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in found.splitlines() if str(folder) in line]


def test_it_goes_on_with_its_life_and_never_has_two(site, tmp_path):
    assert fleets.ironmote("broker", "write", "mosquitto", cwd=site).status == 0
    first, events = simulate(site, "--for", "4")
    assert first.status == 0, first
    assert 'set connect = "static"' in events[0]["broker"], "a mote that its broker cannot serve is provisioned"
    started, board = events[0], site / "keys/boards/kitchen"
    assert (started["event"], started["generation"], started["folder"]) == ("started", 1, str(board))
    assert any("kitchen on esp8266: channel sealed" in each.get("text", "") for each in events), events
    assert board.stat().st_mode & 0o077 == 0
    assert processes_of(board) == []
    before = counted(board)
    again, events = simulate(site, "--for", "1")
    assert (again.status, events[0]["generation"], events[0]["secrets"]) == (0, 1, 0), again
    assert counted(board) >= before
    other = ("--keep", tmp_path / "other", "--for", "1")
    refused, events = simulate(site, *other)
    assert (refused.status, events, "--anew" in refused.errors) == (1, [], True)
    assert simulate(site, *other, "--anew")[1][0]["generation"] == 2
    refused, events = simulate(site)
    assert (refused.status, events, "lives on another board" in refused.errors) == (1, [], True)
    assert Folder.open(site).entry("kitchen").generation == 2
    assert PASSWORD not in first.out + first.errors
    assert fleets.ironmote("remove", "kitchen", "--yes", cwd=site).status == 0
    assert not board.exists()


def test_a_board_on_a_serial_line_is_provisioned_by_others_one_process_at_a_time_until_ctrl_c(site, tmp_path):
    secret = fleets.private(tmp_path / "passphrase", fleets.PASSPHRASE + "\n")
    words = [sys.executable, "-m", "ironmote", "simulate", "kitchen", "--serial", "--json", "--passphrase-file", secret]
    with subprocess.Popen(words, cwd=site, stdout=subprocess.PIPE, text=True) as running:
        try:
            port = json.loads(running.stdout.readline())["port"]
            done = fleets.ironmote("provision", "kitchen", "--port", port, "--json", cwd=site)
            assert (done.status, json.loads(done.out)["generation"]) == (0, 1), done
            second, _ = simulate(site)
            assert (second.status, "simulated already" in second.errors) == (1, True), second
            os.kill(running.pid, signal.SIGINT)
            assert running.wait(fleets.WAIT_S) == 130
        finally:
            running.kill()
    assert processes_of(site / "keys/boards/kitchen") == []
    assert simulate(site, "--for", "1")[1][0]["secrets"] == 0
