"""The device's own tests, run as they would be on a board: by MicroPython, with umqtt where firmware has it."""

import os
import subprocess
from pathlib import Path

import pytest
from ironmote import interpreter, packages

pytestmark = pytest.mark.long

ROOT = Path(__file__).parent.parent


def test_device_tests_pass_under_micropython():
    umqtt = packages.fetch("umqtt-simple")
    ended = subprocess.run(
        # Twice the usual heap: all files share it, and the last ones find no 8 KB in one piece in what is left.
        [*interpreter.find_micropython(), "-X", "heapsize=4000000", "tests/run.py"],
        cwd=ROOT,
        env={**os.environ, "MICROPYPATH": f":.frozen:{umqtt}"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    print(ended.stdout[-4000:], ended.stderr[-2000:])
    assert ended.returncode == 0
    assert " passed, 0 failed" in ended.stdout.splitlines()[-1]
