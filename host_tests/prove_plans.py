"""Plans of the chips that `make test` leaves out, and real esptool, to a mock bootloader: `make prove`."""

import contextlib
import io

import esptool
import plans
import pytest
from esp32_mock_bootloader import mock_bootloader

keys, swift = plans.keys, plans.swift  # fixtures


@pytest.mark.parametrize("board", ["esp32-s2", "esp32-c3", "esp32-c6"])
def test_plan_burns_what_it_says_and_its_firmware_is_what_the_chip_would_take(board, keys, tmp_path):
    plans.burn(board, keys, tmp_path)


def test_esptool_takes_the_plans_words(keys, tmp_path):
    steps = plans.planned("esp32", keys, tmp_path)
    for step in steps[2:6]:
        for command in step.commands:
            if command[0] == "espsecure" and not (
                "generate-signing-key" in command and (keys / "signing.pem").exists()
            ):
                plans.run(command, None)
    writes = [command for step in steps for command in step.commands if command[0] == "esptool"]
    with mock_bootloader(chip="esp32") as chip:
        for command in writes:
            words = [chip.url() if word == "PORT" else word for word in command[1:]]
            with contextlib.redirect_stdout(io.StringIO()):
                esptool.main(words)
