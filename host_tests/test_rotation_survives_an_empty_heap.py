"""A mote that runs out of memory anywhere in a rotation has a usable key at every moment, and the new one in the end.

Running motes on a real broker. Each has another call after `!rotate` fail, once, with a MemoryError: those that derive
keys, open, seal, read and write.
"""

from pathlib import Path

import pytest
from ironmote.gateway import MoteConfirmed
from running import Stage
from test_root_rotates_over_the_air import begin, check_new_root_in_force

pytestmark = pytest.mark.long

CASES = 18
NAMES = tuple(f"mote-{number}" for number in range(CASES))
FAILED = "out of memory, as was asked"

# In the place of the board's main.py.
MAIN = f"""
from mote import app, care, keys, sealed, store, vault
left = None
def fails(function):
    def call(*words):
        global left
        if left is not None:
            left -= 1
            if left < 0:
                left = None
                store.write("/failed", b"once")
                print({FAILED!r})
                raise MemoryError
        return function(*words)
    return call
obey = care.Care.obey
def arm(self, order):
    global left
    if order.name == "!rotate" and store.read("/failed", 4) is None:
        left = AT
    return obey(self, order)
care.Care.obey = arm
keys.subkey = fails(keys.subkey)
sealed.parse = fails(sealed.parse)
sealed.Context.open = fails(sealed.Context.open)
sealed.Context.seal = fails(sealed.Context.seal)
vault.NvsVault.get = fails(vault.NvsVault.get)
vault.NvsVault.put = fails(vault.NvsVault.put)
"""


def test_memory_that_runs_out_anywhere_in_a_rotation_leaves_a_key_that_works(tmp_path: Path):
    stage = Stage(tmp_path, NAMES, board="esp32")
    try:
        stage.start_gateway()
        for number, name in enumerate(NAMES):
            mote = stage.mote(name, sample_ms=1000)
            main = mote.folder / "flash" / "main.py"
            main.write_text(MAIN.replace("AT", str(number)) + main.read_text())
            mote.start()
        stage.wait(lambda: all(stage.of(MoteConfirmed, name) for name in NAMES), 120)
        for name in NAMES:
            begin(stage, name)
        for name in NAMES:
            check_new_root_in_force(stage, name)
        failed = [name for name in NAMES if any(FAILED in line for line in stage.motes[name].console)]
        print("failed:", failed)
        assert failed == list(NAMES)
        again = [name for name in NAMES if stage.motes[name].restarts]
        assert 0 < len(again) < CASES, "some fail before the new key is in force, some after it"
    finally:
        stage.close()
