"""What a mote is expected to do: how often it says something, and until when its certificate is good.

It comes from the fleet's folder, from files that are in no way secret; whatever cannot be read is not expected.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from mote import settings as device_settings

from .. import mote_file
from ..errors import IronmoteError
from ..fleet_folder import Folder

_SLACK = 3.0  # samples that may stay away before that is a silence
_LEAST_S = 60.0
_WAKE_S = 60.0  # a sleeper's way to its broker, at the worst
_BACK_S = 3600.0  # the longest that a sleeper puts off the next sending, where its broker was away
_READ_EACH_S = 600.0


class Expectation(Protocol):
    """See Expected."""

    @property
    def silent_s(self) -> float | None: ...
    @property
    def back_s(self) -> float: ...
    @property
    def certificate_ends(self) -> float | None: ...
    @property
    def actuators(self) -> frozenset[str]: ...


@dataclass(frozen=True)
class Expected:
    """`silent_s`: with nothing heard for so long the mote is silent; None where that has to be learnt.

    `back_s`: for so long it may stay away after its broker is back. `certificate_ends` in seconds since 1970.
    """

    silent_s: float | None = None
    certificate_ends: float | None = None
    actuators: frozenset[str] = field(default_factory=frozenset)
    back_s: float = 0.0


class OfMote:
    """What is expected of a mote of a folder; its file is read when somebody asks, and again after a while."""

    def __init__(self, folder: Folder, mote_id: str, certificate_ends: float | None, actuators: Iterable[str]) -> None:
        self._folder = folder
        self._mote_id = mote_id
        self.certificate_ends = certificate_ends
        self.actuators = frozenset(actuators)
        self._read_at: float | None = None
        self._silent_s: float | None = None
        self._back_s = 0.0

    @property
    def silent_s(self) -> float | None:
        """See Expected."""
        self._read()
        return self._silent_s

    @property
    def back_s(self) -> float:
        """See Expected."""
        self._read()
        return self._back_s

    def _read(self) -> None:
        now = time.monotonic()
        if self._read_at is not None and now - self._read_at < _READ_EACH_S:
            return
        self._read_at = now
        try:
            fields = {**device_settings.DEFAULTS, **mote_file.DEFAULTS, **self._folder.file.defaults}
            fields.update(self._folder.mote_file(self._mote_id).fields)
            # What a mote sends of a value may depend on the value; how it is it says all the same.
            treated = any(each.get("every") or each.get("deadband") is not None for each in fields["values"])
            period_s = None if treated else fields["sample_ms"] / 1000
            sends_s = fields["sleep_ms"] / 1000 * fields["send_every"]
            self._silent_s = silence(period_s, sends_s, fields["health_s"])
            self._back_s = _BACK_S if sends_s else 0.0
        except (IronmoteError, OSError, KeyError, TypeError):
            self._silent_s, self._back_s = None, 0.0


def silence(sample_s: float | None, sends_s: float, health_s: float) -> float | None:
    """After how many seconds without a word a mote is silent; None where its settings do not tell.

    It takes a sample each `sample_s`, or (None) sends what it has when it changes; where it sleeps it sends each
    `sends_s`, else that is 0; it says how it is each `health_s`, or (0) only at a connect.
    """
    if sends_s:
        return _SLACK * sends_s + _WAKE_S
    periods = [each for each in (sample_s, health_s) if each]
    return max(_SLACK * min(periods), _LEAST_S) if periods else None
