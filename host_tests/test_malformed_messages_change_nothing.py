"""A short form of `make fuzz`, at every run: the same programs, with fewer messages."""

import subprocess
from pathlib import Path

import fuzz_gateway
import pytest
from ironmote import interpreter

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("seed", [1, 20261121])
def test_gateway_holds_against_malformed_messages(seed, capsys):
    fuzz_gateway.run(30_000, seed)
    assert capsys.readouterr().out.endswith("held\n")


@pytest.mark.parametrize("seed", [1, 20261121])
def test_mote_holds_against_malformed_messages_in_a_small_heap(seed):
    ended = subprocess.run(
        [*interpreter.find_micropython(), "-X", "heapsize=128k", "tests/device/fuzz_mote.py", "5000", str(seed)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr[-2000:]
    assert ended.stdout.endswith("held\n"), ended.stdout
