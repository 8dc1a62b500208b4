"""One alert: a cause, how often it was seen, and whether it is over."""

import secrets
from dataclasses import dataclass, field
from typing import Any, TypeAlias

# Kind, mote ("" where it is none of ours), and what of it: a sensor, a zone; "" where there is only one.
Cause: TypeAlias = tuple[str, str, str]
_ID_BYTES = 4


@dataclass
class Alert:
    """Times are seconds since 1970. `over` is None while it lasts; `done` are the actions that were carried out."""

    mote: str
    kind: str
    what: str
    severity: str
    text: str
    first: float
    last: float
    count: int = 1
    over: float | None = None
    acknowledged: float | None = None
    done: tuple[str, ...] = ()
    id: str = field(default_factory=lambda: secrets.token_hex(_ID_BYTES))

    @property
    def cause(self) -> Cause:
        """What one alert is kept for."""
        return self.kind, self.mote, self.what

    def line(self) -> dict[str, Any]:
        """Its line for scripts and the owner's line (OPERATIONS, "The lines of --json")."""
        return {
            "event": "alert",
            "id": self.id,
            "mote": self.mote or None,
            "kind": self.kind,
            "severity": self.severity,
            "text": self.text,
            "time": round(self.last, 3),
            "first": round(self.first, 3),
            "count": self.count,
            "over": None if self.over is None else round(self.over, 3),
            "acknowledged": None if self.acknowledged is None else round(self.acknowledged, 3),
            "done": list(self.done),
        }
