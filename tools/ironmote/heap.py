"""What a mote's settings need of a small board's heap, before anything is written to one.

Measured on simulated boards (docs/MEASUREMENTS.md), in bytes of a board with 32-bit words. A board that has room for
TLS has room for all that settings may name.
"""

from collections.abc import Mapping
from typing import Any

from .boards import Profile
from .errors import IronmoteError

_MOTE = 24_000  # a sealed mote with nothing to read and nothing to switch, once its session is there
_MOTE_WITH_ROOM = 15_000  # the same on a board with room, beside its code and what is spare: benchmarks/least_heap.py
_SPARE = 7_000  # what comes and goes, and what lies between: a status, a record, a command
_EACH = {"sensors": 650, "values": 300, "actuators": 300, "rules": 300}


def check(profile: Profile, settings: Mapping[str, Any]) -> None:
    """Raise IronmoteError where a board of this kind has no room for what `settings` name."""
    if profile.room:
        return
    counts = _counts(settings)
    needs = parts(settings)
    spare = profile.heap_bytes - _MOTE - _SPARE
    if needs > spare:
        words = ", ".join(f"{count} {name} ({_EACH[name]} each)" for name, count in counts.items() if count)
        raise IronmoteError(
            f"settings of {settings.get('mote')!r}: {words} need {needs} bytes of heap, and an {profile.name} has "
            f"{max(spare, 0)} for them; take some away, or a larger board"
        )


def running(profile: Profile, settings: Mapping[str, Any]) -> int:
    """Bytes that a mote with these settings takes as it runs, its code apart."""
    return (_MOTE_WITH_ROOM if profile.room else _MOTE + _SPARE) + parts(settings)


def parts(settings: Mapping[str, Any]) -> int:
    """Bytes that sensors, values, actuators and rules take."""
    return sum(count * _EACH[name] for name, count in _counts(settings).items())


def _counts(settings: Mapping[str, Any]) -> dict[str, int]:
    return {name: len(settings.get(name) or ()) for name in _EACH}
