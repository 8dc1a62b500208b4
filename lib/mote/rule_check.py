"""What the settings of a rule must have in common with the sensor and the actuator that it names."""

from mote import const
from mote.actuators import ActuatorError, scale
from mote.schema import fail

_DAY_MIN = const(1440)
_DRIVES = {"thermostat": ("relay", "led"), "light": ("dimmer",)}


def check(values):
    """Check the rules of `values`, the settings, whose fields and names are known to be good. Raises SettingsError."""
    actuators = {actuator.name: actuator for actuator in values.actuators}
    for i, rule in enumerate(values.rules):
        field = "rules[%d]" % i
        actuator = actuators[rule.actuator]
        if values.sleep_ms:
            fail(field, "a mote that sleeps deeply drives nothing: sleep_ms has to be 0")
        if actuator.keep:
            fail(field + ".actuator", "one without keep: after a start its rule says what it is at")
        if rule.kind == "schedule":
            _check_times(field + ".times", rule.times, actuator)
        else:
            _check_target(field, rule, actuator.kind, values.sample_ms)


def _check_target(field, rule, kind, sample_ms):
    if kind not in _DRIVES[rule.kind]:
        fail(field + ".actuator", "a %s drives a %s, not a %s" % (rule.kind, " or a ".join(_DRIVES[rule.kind]), kind))
    if not rule.hysteresis:
        fail(field + ".hysteresis", "more than 0, or it would never be at rest")
    if rule.kind == "light" and rule.hysteresis >= rule.target:
        fail(field + ".target", "more than the hysteresis: there is no light below 0")
    if rule.stale_s is not None and rule.stale_s * 1000 <= sample_ms:
        fail(field + ".stale_s", "more than a sample takes to come: %d ms" % sample_ms)


def _check_times(field, times, actuator):
    if not times:
        fail(field, "at least one [minute of the day, value]")
    before = -1
    for i, pair in enumerate(times):
        where = "%s[%d]" % (field, i)
        if len(pair) != 2:
            fail(where, "[minute of the day, value]")
        minute, value = pair
        if not isinstance(minute, int) or not before < minute < _DAY_MIN:
            fail(where, "a minute of the day, 0 to 1439, after the one before")
        before = minute
        try:
            _taker(actuator)(value)
        except ActuatorError as error:
            fail(where, "%s: %s" % (actuator.name, error))


def _taker(actuator):
    """Return what says whether the actuator takes a value."""
    if actuator.kind == "buzzer":
        return scale.on_or_off if actuator.freq_hz else scale.hertz
    return {"dimmer": scale.percent, "servo": scale.degrees}.get(actuator.kind, scale.on_or_off)
