"""What a mote is expected to do: how often it says something, and until when its certificate is good.

It comes from the fleet's folder, from files that are in no way secret; whatever cannot be read is not expected.
"""

from dataclasses import dataclass, field

from mote import settings as device_settings

from .. import mote_file
from ..errors import IronmoteError
from ..fleet_folder import Folder

_SLACK = 3.0  # samples that may stay away before that is a silence
_LEAST_S = 60.0
_WAKE_S = 60.0  # a sleeper's way to its broker, at the worst


@dataclass(frozen=True)
class Expected:
    """`silent_s`: with nothing heard for so long the mote is silent; None where that has to be learnt."""

    silent_s: float | None = None
    certificate_ends: float | None = None  # seconds since 1970
    actuators: frozenset[str] = field(default_factory=frozenset)


def of_mote(folder: Folder, mote_id: str) -> Expected:
    """What the folder says of the mote."""
    try:
        fields = {**device_settings.DEFAULTS, **mote_file.DEFAULTS, **folder.file.defaults}
        fields.update(folder.mote_file(mote_id).fields)
        # What a mote sends of a value may depend on the value; how it is it says all the same.
        treated = any(each.get("every") or each.get("deadband") is not None for each in fields["values"])
        period_s = None if treated else fields["sample_ms"] / 1000
        silent_s = silence(period_s, fields["sleep_ms"] / 1000 * fields["send_every"], fields["health_s"])
        names = frozenset(each["name"] for each in fields.get("actuators", ()) if "name" in each)
    except (IronmoteError, OSError, KeyError, TypeError):
        silent_s, names = None, frozenset()
    try:
        ends = folder.entry(mote_id).expires
    except (IronmoteError, OSError):
        ends = None
    return Expected(silent_s, ends, names)


def silence(sample_s: float | None, sends_s: float, health_s: float) -> float | None:
    """After how many seconds without a word a mote is silent; None where its settings do not tell.

    It takes a sample each `sample_s`, or (None) sends what it has when it changes; where it sleeps it sends each
    `sends_s`, else that is 0; it says how it is each `health_s`, or (0) only at a connect.
    """
    if sends_s:
        return _SLACK * sends_s + _WAKE_S
    periods = [each for each in (sample_s, health_s) if each]
    return max(_SLACK * min(periods), _LEAST_S) if periods else None
