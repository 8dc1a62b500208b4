"""What a mote will take of its board's heap, before there is a board: an estimate, never a promise."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import device, heap
from .boards import Profile

# A board's heap takes as much for a module's code as its .mpy file has (benchmarks/simulated_heap.py, halved).
_READ_AND_UNLOADED = ("settings.mpy", "kinds.mpy", "schema.mpy", "rule_check.mpy")


@dataclass(frozen=True)
class Estimate:
    """Bytes of heap: what the code takes at most, what running takes, and what the board has."""

    code: int
    running: int
    heap: int

    @property
    def fits(self) -> bool:
        """True where the board should have room."""
        return self.code + self.running <= self.heap


def of(profile: Profile, settings: Mapping[str, Any]) -> Estimate:
    """The estimate for a mote with these settings. Raises CompileError, MissingTool, IronmoteError on bad settings."""
    files = device.build_flash(profile, settings, {})
    code = sum(len(content) for name, content in files.items() if _stays(name))
    return Estimate(code, heap.running(profile, settings), profile.heap_bytes)


def _stays(name: str) -> bool:
    return name.endswith(".mpy") and not name.endswith(_READ_AND_UNLOADED)
