"""What is wrong with the machine around ironmote is one line, never a traceback."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ironmote.demo.screen import NO_TERMINAL

DEMO = [sys.executable, "-m", "ironmote", "demo"]


def run(command: list[str] | str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        shell=isinstance(command, str),
        capture_output=True,
        text=True,
        timeout=60,
        env={**{k: v for k, v in os.environ.items() if k != "XDG_CACHE_HOME"}, **environment},
        check=False,
    )


def one_line(errors: str) -> str:
    assert errors.startswith("ironmote: "), errors
    assert errors.count("\n") == 1, errors
    return errors


@pytest.mark.parametrize("home", ["/proc", "a file"])
def test_cache_that_cannot_be_written_is_said(tmp_path: Path, home: str):
    if home == "a file":
        home = str(tmp_path / "file")
        Path(home).write_text("")
    done = run([*DEMO, "--json", "--for", "5"], HOME=home, TMPDIR=str(tmp_path))
    assert done.returncode == 1
    assert "XDG_CACHE_HOME" in one_line(done.stderr)
    assert done.stdout == ""


def shell(redirection: str) -> str:
    return f"{sys.executable} -m ironmote demo --for 4 --json {redirection}"


def test_closed_output_is_said(tmp_path: Path):
    done = run(shell(">&-"), TMPDIR=str(tmp_path))
    assert done.returncode == 1
    assert "no standard output" in one_line(done.stderr)


@pytest.mark.parametrize("option", ["--json", ""])
def test_output_that_is_full_is_said(tmp_path: Path, option: str):
    done = run(shell(">/dev/full").replace("--json", option), TMPDIR=str(tmp_path))
    assert done.returncode == 1
    assert "No space left" in one_line(done.stderr.removeprefix(NO_TERMINAL + "\n"))
    assert list(tmp_path.iterdir()) == []


def test_errors_that_cannot_be_said_do_no_harm(tmp_path: Path):
    for redirection in ("2>&-", "2>/dev/full"):
        done = run(shell(redirection).replace("--for 4", "--replay absent.csv"), TMPDIR=str(tmp_path))
        assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


def test_terminal_that_knows_ascii_only_is_served(tmp_path: Path):
    done = run([*DEMO, "--for", "6"], PYTHONIOENCODING="ascii", TMPDIR=str(tmp_path), COLUMNS="80")
    assert (done.returncode, done.stderr) == (0, NO_TERMINAL + "\n")
    assert "answered in" in done.stdout


@pytest.mark.parametrize("after_s", [0.0, 0.05, 0.1, 0.2, 0.3, 0.4])
def test_interrupt_while_it_is_coming_up_is_silent(tmp_path: Path, after_s: float):
    """From the first line of ours on: what Python says of an interrupt before that is Python's."""
    code = "import ironmote.cli, sys; print('in', flush=True); sys.exit(ironmote.cli.main(['demo', '--json']))"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.02 + after_s)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (130, "")
    assert list(tmp_path.iterdir()) == []


def test_picture_that_cannot_be_written_is_said_before_the_show(tmp_path: Path):
    done = run([*DEMO, "--picture", "/proc/picture.svg"], TMPDIR=str(tmp_path))
    assert done.returncode == 1
    assert "/proc/picture.svg cannot be written" in one_line(done.stderr)
    assert done.stdout == ""
