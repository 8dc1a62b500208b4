"""Child processes: ended when asked, killed when they will not, and never left behind."""

import os
import signal
import subprocess
import sys
import time

import pytest
from ironmote import child

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid, flush=True); time.sleep(60)",
]


def gone(pid: int) -> bool:
    for _ in range(100):
        try:
            os.kill(pid, 0)
            with open(f"/proc/{pid}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False


def test_child_that_obeys_is_ended():
    process = child.spawn(SLEEP)
    assert child.end(process) == -signal.SIGTERM


def test_child_that_does_not_obey_is_killed_with_its_group():
    process = child.spawn(STUBBORN, output=subprocess.PIPE)
    grandchild = int(process.stdout.readline())
    assert child.end(process, grace_s=0.2) == -signal.SIGKILL
    assert gone(grandchild)
    process.stdout.close()


def test_child_has_no_terminal_of_ours():
    process = child.spawn(SLEEP)
    assert os.getpgid(process.pid) == process.pid != os.getpgid(0)
    child.end(process)


@pytest.mark.skipif(not os.path.exists("/proc"), reason="looks at /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_survives_a_parent_that_is_killed(how):
    code = (
        "import subprocess, sys, threading, time\n"
        "from ironmote import child\n"
        "def start():\n"
        "    print(child.spawn([sys.executable, '-c', 'import time; time.sleep(60)']).pid, flush=True)\n"
        "start()\n"
        "thread = threading.Thread(target=start); thread.start(); thread.join()\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    children = [int(parent.stdout.readline()) for _ in range(2)]
    assert not any(gone_now(pid) for pid in children)
    parent.send_signal(how)
    parent.wait()
    assert all(gone(pid) for pid in children)
    parent.stdout.close()


def gone_now(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False
