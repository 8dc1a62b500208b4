"""Ctrl-C ends a program even where Python drops the exception that it raises."""

import subprocess
import sys

PROGRAM = """
import os, signal, time
from ironmote import interrupts

class Finalised:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.1)  # here it is raised, and dropped

interrupts.hear()
one = Finalised()
del one
print("goes on", flush=True)
while True:
    time.sleep(0.01)
    interrupts.check()
"""


def test_interrupt_that_python_has_dropped_ends_the_loop_all_the_same():
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert ended.stdout == "goes on\n"
    assert ended.returncode != 0
    assert ended.stderr.rstrip().endswith("KeyboardInterrupt")
