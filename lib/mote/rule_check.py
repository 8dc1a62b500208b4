"""What the settings of a rule must have in common with the sensor and the actuator that it names."""

from mote import const
from mote.schema import fail

_DAY_MIN = const(1440)
_DRIVES = {"thermostat": ("relay", "led"), "light": ("dimmer",)}
# What an actuator takes: the least, the greatest, and whether nothing between them.
_TAKES = {"relay": (0, 1, True), "led": (0, 1, True), "dimmer": (0, 100, False), "servo": (0, 180, False)}


def check(values):
    """Check the rules of `values`, the settings, whose fields and names are known to be good. Raises SettingsError."""
    kinds = {actuator.name: actuator.kind for actuator in values.actuators}
    for i, rule in enumerate(values.rules):
        field = "rules[%d]" % i
        if values.sleep_ms:
            fail(field, "a mote that sleeps deeply drives nothing: sleep_ms has to be 0")
        if rule.kind == "schedule":
            _check_times(field + ".times", rule.times, kinds[rule.actuator])
        else:
            _check_target(field, rule, kinds[rule.actuator], values.sample_ms)


def _check_target(field, rule, kind, sample_ms):
    if kind not in _DRIVES[rule.kind]:
        fail(field + ".actuator", "a %s drives a %s, not a %s" % (rule.kind, " or a ".join(_DRIVES[rule.kind]), kind))
    if not rule.hysteresis:
        fail(field + ".hysteresis", "more than 0, or it would never be at rest")
    if rule.kind == "light" and rule.hysteresis >= rule.target:
        fail(field + ".target", "more than the hysteresis: there is no light below 0")
    if rule.stale_s is not None and rule.stale_s * 1000 <= sample_ms:
        fail(field + ".stale_s", "more than a sample takes to come: %d ms" % sample_ms)


def _check_times(field, times, kind):
    if not times:
        fail(field, "at least one [minute of the day, value]")
    least, most, only = _TAKES.get(kind, (None, None, False))
    before = -1
    for i, pair in enumerate(times):
        where = "%s[%d]" % (field, i)
        if len(pair) != 2:
            fail(where, "[minute of the day, value]")
        minute, value = pair
        if not isinstance(minute, int) or not before < minute < _DAY_MIN:
            fail(where, "a minute of the day, 0 to 1439, after the one before")
        before = minute
        if least is not None and (not least <= value <= most or (only and value not in (least, most))):
            fail(where, "a %s takes %d %s %d" % (kind, least, "or" if only else "to", most))
