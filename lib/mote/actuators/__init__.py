"""What a mote acts with: one class a kind, imported only where the settings name it.

An actuator has `name`, `set(value)`, which returns the state that is then read back or raises
ActuatorError, `safe()`, which goes to the safe state of the settings, and `state()`. It is in its
safe state from the moment that it is made.
"""

_KINDS = {"relay": "Relay", "dimmer": "Dimmer"}


class ActuatorError(Exception):
    """The value asked for makes no sense for this actuator; the text says why."""


def create(spec):
    """Return the actuator for `spec` (kind, name, pin, safe; a dimmer's freq_hz), in its safe state.

    Raises ActuatorError for a kind that this firmware has no class for, or a safe state it cannot take.
    """
    if spec.kind not in _KINDS:
        raise ActuatorError("no class for " + spec.kind)
    module = __import__("mote.actuators." + spec.kind, None, None, (_KINDS[spec.kind],))
    return getattr(module, _KINDS[spec.kind])(spec)
