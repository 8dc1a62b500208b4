"""The plan that closes a board, run: real espsecure, and espefuse on virtual fuses."""

import json
from pathlib import Path

import fleets
import plans
import pytest
from ironmote.errors import IronmoteError

CHIPS = ("esp32", "esp32-s3")  # the first of its kind and a newer one; `make prove` takes the others
keys, swift = plans.keys, plans.swift  # fixtures


@pytest.mark.parametrize("board", CHIPS)
def test_plan_burns_what_it_says_and_its_firmware_is_what_the_chip_would_take(board, keys, tmp_path):
    plans.burn(board, keys, tmp_path)


def test_keys_are_made_for_their_owner_alone_and_are_no_argument(keys, tmp_path):
    commands = [command for step in plans.planned("esp32", keys, tmp_path) for command in step.commands]
    words = [word for command in commands for word in command]
    assert commands.index(["umask", "077"]) < next(n for n, each in enumerate(commands) if "generate" in " ".join(each))
    assert ["rm", str(tmp_path / "flash.key")] == commands[-1]
    assert not any(len(word) >= 64 and set(word) <= set("0123456789abcdef") for word in words)


@pytest.mark.parametrize("board", ["esp8266", "pico-w"])
def test_board_that_cannot_be_closed_says_why(board, tmp_path):
    done = fleets.ironmote("harden", "--plan", "--board", board, cwd=tmp_path, typed=None)
    assert done.status == 0
    assert "no secure boot" in done.out
    with pytest.raises(IronmoteError):
        plans.planned(board, tmp_path, tmp_path)


def test_plan_of_a_mote_is_that_of_its_board_and_nothing_is_written(tmp_path):
    fleets.make(tmp_path / "fleet", {"kitchen": "esp32-c3"})
    before = sorted((tmp_path / "fleet").rglob("*"))
    done = fleets.ironmote("harden", "--plan", "kitchen", cwd=tmp_path / "fleet", typed=None)
    assert f"espefuse --chip esp32c3 --port PORT burn-key BLOCK_KEY0 {Path.home()}/ironmote-harden/kitchen/" in done.out
    assert done.out.count("CANNOT BE UNDONE") == 3
    found = json.loads(fleets.ironmote("harden", "--plan", "kitchen", "--json", cwd=tmp_path / "fleet", typed=None).out)
    assert found["steps"][0]["title"] == "look at the chip"
    assert sorted((tmp_path / "fleet").rglob("*")) == before
    refused = fleets.ironmote("harden", "kitchen", cwd=tmp_path / "fleet", typed=None)
    assert (refused.status, "--plan" in refused.errors) == (1, True)
