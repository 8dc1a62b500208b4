"""What a mote acts with: one class a kind, imported only where the settings name it.

A kind's class is made in its safe state. It has `UNIT` (SenML, None for on and off), `take(value)`, which returns the
number that `value` means to it or raises ActuatorError, `put(number)`, which goes there, `safe()`, which goes to its
safe state at once, `state()`, which returns the number that is read back, `reported(number)`, which puts it into
`UNIT`, and `tick(now_ms)`, which goes on with what takes time and is true while there is something left. `hears` is
true where its state can change by itself. Nothing else calls these but mote.actuators.held, which holds it to the
limits of its settings.
"""

_KINDS = {"relay": "Relay", "dimmer": "Dimmer", "servo": "Servo", "led": "Led", "buzzer": "Buzzer"}


class ActuatorError(Exception):
    """It was not done; the text says why."""


def create(spec, link_ms=0, ms=None, kept=None):
    """Return the actuator for `spec` (mote.kinds.Actuator), a mote.actuators.held.Held, in its safe state.

    `link_ms` is for how long it may be without the broker, 0 for ever; `ms()` counts milliseconds, by default
    mote.uptime's; `kept` is the mote.actuators.kept.Kept that its state outlives a start in, or None. Raises
    ActuatorError for a kind that this firmware has no class for, or a safe state it cannot take.
    """
    from mote.actuators.held import Held

    if spec.kind not in _KINDS:
        raise ActuatorError("no class for " + spec.kind)
    module = __import__("mote.actuators." + spec.kind, None, None, (_KINDS[spec.kind],))
    return Held(spec, getattr(module, _KINDS[spec.kind])(spec), link_ms, ms, kept)
