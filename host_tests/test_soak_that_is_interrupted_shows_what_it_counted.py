"""`make soak`, run as a person runs it: Ctrl-C in the middle, and words that are wrong."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

SOAK = Path(__file__).parent / "soak.py"
WITHIN_S = 180


def soak(*words):
    return subprocess.Popen(
        [sys.executable, str(SOAK), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip


def test_interrupted_soak_delivers_what_waits_shows_its_table_and_leaves_nothing_running(tmp_path):
    keep = tmp_path / "kept"
    running = soak("--broker", "nats", "--minutes", "30", "--seed", "3", "--keep", str(keep))
    taken = keep / "nats" / "nats-sealed" / "taken"
    end = time.monotonic() + WITHIN_S
    while not (taken.exists() and taken.read_text().count("\n") > 20):
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < end
        time.sleep(0.2)
    running.send_signal(signal.SIGINT)
    time.sleep(0.5)
    running.send_signal(signal.SIGINT)  # which changes nothing
    out, said = running.communicate(timeout=WITHIN_S)
    assert running.returncode == 130, said
    assert "soak: interrupted" in said
    assert "Traceback" not in said
    (total,) = [line.split()[1:] for line in out.splitlines() if line.startswith("all ")]
    assert int(total[0]) > 10
    assert total[-2:] == ["0", "0"], out
    assert out.splitlines()[-1] == "held"
    assert "interrupted" in out.splitlines()[-2]
    left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(keep) not in left
    # What it leaves holds keys.
    assert keep.stat().st_mode & 0o077 == 0


def test_words_that_are_wrong_are_one_line_and_nothing_is_started(tmp_path):
    for words in (["--minutes", "0"], ["--broker", "nat"], ["--keep", str(tmp_path)], ["--every-bite"]):
        running = soak(*words)
        out, said = running.communicate(timeout=WITHIN_S)
        assert running.returncode == 2
        assert out == ""
        assert said.count("\n") == 1, said
        assert said.startswith("soak: ")
