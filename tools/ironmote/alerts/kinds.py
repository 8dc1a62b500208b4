"""The kinds of alerts: how bad each is, what it rests on, when it is over, and what to do.

`proven` kinds rest on what only who has the mote's key can bring about. All others anyone can cause who reaches a
broker, is on the path, or stands beside a sensor; they tell, and never take anything from a mote.
docs/ALERTS.md says of each kind what it means.
"""

from dataclasses import dataclass

from ..gateway import reasons

INFO, WARNING, CRITICAL = "info", "warning", "critical"
SEVERITIES = (INFO, WARNING, CRITICAL)

_QUIET_S = 600.0


@dataclass(frozen=True)
class Kind:
    """`quiet_s` without another occurrence end an alert; None where only its condition does, or its owner."""

    name: str
    severity: str
    advice: str
    proven: bool = False
    quiet_s: float | None = None
    stays: bool = False  # over only when its owner has acknowledged it


def _attack(name: str, severity: str, advice: str) -> Kind:
    return Kind(name, severity, advice, quiet_s=_QUIET_S)


SILENCE, UNCONFIRMED, SAFE_MODE, SENSOR, ACTUATOR = "silence", "unconfirmed", "safe-mode", "sensor", "actuator"
ALARM, MEMORY, BATTERY, CERTIFICATE, CLOCK = "alarm", "memory", "battery", "certificate", "clock"
LOST, FORGED_COMMAND, KEY_KEPT, AUTHENTICATION = "lost", "forged-command", "key-kept", "authentication"
UNUSUAL, RESTARTS, BROKER, ACTION, OVERLOAD = "unusual", "restarts", "broker", "action", "overload"

KINDS = {
    kind.name: kind
    for kind in (
        _attack(reasons.REPLAY, WARNING, "nothing of it was taken; find who can publish at this broker"),
        _attack(reasons.FORGED, WARNING, "nothing of it was taken; find who can publish at this broker"),
        _attack(reasons.FORGED_WILL, WARNING, "nothing of it was taken; the mote is not gone because of it"),
        _attack(reasons.GUESSING, WARNING, "ironmote rotate gives the mote another key before this one wears out"),
        _attack(reasons.LESSER, WARNING, "nothing of it was taken; see who publishes there under this mote's id"),
        _attack(reasons.UNKNOWN, INFO, "a mote of another fleet, one that was removed, or a stranger"),
        _attack(reasons.REVOKED, INFO, "whoever has the revoked mote still tries; close its session at the broker"),
        _attack(reasons.STRAY, INFO, "a client that is no mote publishes here"),
        # It takes a recording and nothing else, so it proves nothing against the mote.
        Kind(
            reasons.SET_BACK,
            CRITICAL,
            "an old recording; but if the mote is not heard any more, its memory was set back: provision it again",
            stays=True,
        ),
        Kind(
            reasons.CLONE,
            CRITICAL,
            "two boards have this mote's key: ironmote revoke it, find the double, provision it again",
            proven=True,
            stays=True,
        ),
        _attack(reasons.UNREADABLE, WARNING, "nothing of it was taken; this is a mistake in ironmote: report it"),
        Kind(
            reasons.CONFLICT,
            CRITICAL,
            "the mote was copied, or its boot counter went back: provision it again",
            stays=True,
        ),
        Kind(
            reasons.OTHER_CHANNEL,
            CRITICAL,
            "the board is not as it was provisioned: look at it, then provision it again",
            proven=True,
            stays=True,
        ),
        Kind(
            reasons.MALFORMED,
            WARNING,
            "this mote's code is of another version, or not ours: provision it again",
            proven=True,
            quiet_s=_QUIET_S,
        ),
        _attack(AUTHENTICATION, WARNING, "nobody was let in; see who connects to the broker"),
        _attack(FORGED_COMMAND, WARNING, "the mote obeyed none of them; find who can publish at its broker"),
        Kind(BROKER, CRITICAL, "does it run? ironmote broker check tells; motes keep what they have until it does"),
        Kind(SILENCE, WARNING, "is it powered, is its Wi-Fi there, is its broker? ironmote monitor at its cable tells"),
        Kind(UNCONFIRMED, WARNING, "what comes may be a recording: is the mote itself running, and reachable?"),
        Kind(SAFE_MODE, CRITICAL, "its start failed again and again: ironmote monitor at its cable tells why", True),
        Kind(RESTARTS, WARNING, "see its power supply, and what ironmote monitor tells", quiet_s=3600.0),
        Kind(SENSOR, WARNING, "see its wiring and its supply"),
        Kind(ACTUATOR, WARNING, "it is in its safe state though it was told otherwise; the words say why"),
        Kind(ALARM, WARNING, "the value is beyond the limit in the mote's own file"),
        Kind(MEMORY, WARNING, "fewer sensors, values or rules, a longer sample_ms, or a larger board"),
        Kind(BATTERY, WARNING, "charge or change it"),
        Kind(CERTIFICATE, WARNING, "provision it again, which renews its certificate"),
        Kind(CLOCK, WARNING, "see which time server it asks, and this computer's clock"),
        Kind(LOST, WARNING, "these readings are gone; see how long its broker was away", quiet_s=_QUIET_S),
        Kind(KEY_KEPT, WARNING, "ironmote rotate it again, or provision it by cable", stays=True),
        Kind(UNUSUAL, INFO, "look at it; if it is right, it becomes usual by itself"),
        Kind(ACTION, WARNING, "see the words, and gateway.toml"),
        Kind(OVERLOAD, WARNING, "alerts may be missing; the store has what they are about", quiet_s=_QUIET_S),
    )
}


def at_least(severity: str, floor: str) -> bool:
    """True where `severity` is `floor` or worse."""
    return SEVERITIES.index(severity) >= SEVERITIES.index(floor)
