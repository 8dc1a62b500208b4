"""A simulated board on a serial line answers the real mpremote as a board does."""

import contextlib
import subprocess
import sys
import time

import pytest
from ironmote import board_folder, boards, device
from ironmote.serial_board import SerialBoard

COUNTS = "import time\nwhile True:\n    print('running')\n    time.sleep(0.05)\n"


@contextlib.contextmanager
def board(folder, main=COUNTS):
    profile = boards.load("esp32")
    made = board_folder.BoardFolder(folder, profile)
    made.make(
        device.frozen_modules(profile), board_folder.hardware(profile, "b", {}, [], [], {"kind": "room"}, 0, False)
    )
    (folder / "flash" / "main.py").write_text(main)
    on_line = SerialBoard(folder, profile)
    on_line.plug()
    try:
        yield on_line
    finally:
        on_line.pull()


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with board(tmp_path_factory.mktemp("board")) as one:
        yield one


def mpremote(port, *words):
    done = subprocess.run(
        [sys.executable, "-m", "mpremote", "connect", port, *words], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_program_is_interrupted_and_files_go_there_and_come_back(running, tmp_path):
    data = bytes(range(256)) * 9
    (tmp_path / "there").write_bytes(data)
    said = mpremote(running.port, "cp", str(tmp_path / "there"), ":/kept", "+", "cp", ":/kept", str(tmp_path / "back"))
    assert "kept" in said
    assert (tmp_path / "back").read_bytes() == data
    assert f"{len(data)} kept" in mpremote(running.port, "resume", "ls")


def test_what_is_executed_answers_and_the_clock_outlives_a_soft_reset(running):
    assert mpremote(running.port, "exec", "print(6 * 7)") == "42\n"
    mpremote(running.port, "rtc", "--set")
    assert f"({time.localtime().tm_year}, " in mpremote(running.port, "soft-reset", "rtc")


def test_a_reset_runs_main_again_and_a_soft_one_in_the_raw_prompt_does_not(running):
    mpremote(running.port, "exec", "kept = 1")
    deadline = time.monotonic() + 30
    mpremote(running.port, "reset")
    while running.console[-1] != "running":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert mpremote(running.port, "eval", "'kept' in globals()") == "False\n"
    start = max(number for number, line in enumerate(running.console) if "soft reboot" in line)
    assert "running" not in running.console[start:]


def test_a_watchdog_that_was_started_bites_at_the_prompt(tmp_path):
    with board(tmp_path / "board", "import machine, time\nmachine.WDT(timeout=300)\ntime.sleep(9)\n") as one:
        deadline = time.monotonic() + 30
        while "watchdog: not fed in time, reset" not in one.console:
            assert time.monotonic() < deadline, one.console
            time.sleep(0.01)


def test_a_cable_that_is_pulled_takes_the_power_and_the_port_with_it(tmp_path):
    with board(tmp_path / "board") as one:
        assert mpremote(one.port, "eval", "1") == "1\n"
        one.pull()
        done = subprocess.run([sys.executable, "-m", "mpremote", "connect", one.port, "eval", "1"], capture_output=True)
        assert done.returncode != 0
        one.plug()
        assert mpremote(one.port, "eval", "2") == "2\n"
