"""What each kind of sensor, actuator and rule needs of the settings, and what can be done with a value.

Their classes have no methods on purpose: they keep nothing of this module alive, so that a small board can unload it.
"""

from mote import const
from mote.schema import BYTES, FLAG, INT, LIST, MAYBE, NAME, NAMES, NUMBER, PART, optional

_LARGEST = const(1000000)
_WEEK_S = const(604800)

PIN = (INT, 0, 63)
_ANY = (NUMBER, -_LARGEST, _LARGEST)
_POSITIVE = (NUMBER, 0, _LARGEST)
_SECONDS = (INT, 1, _WEEK_S)


class Sensor:
    """A sensor's settings: `kind`, `names` (what it measures -> the name that it is reported under), what its kind
    needs; None for what was left out.
    """


class Value:
    """What is done with the readings of one `name` before they are reported."""


class Actuator:
    """An actuator's settings: `kind`, `name`, `pin`, `safe`, the limits that it is held to, what its kind needs."""


class Rule:
    """A rule's settings: `kind`, the `actuator` that it drives, what its kind needs."""


_ON_I2C = {"address": (INT, 3, 0x77)}
_OHM = (NUMBER, 1, 100000000)
_CURVE = (MAYBE, (LIST, 3, (NUMBER, -1, 1)))
_VOLTAGE = (MAYBE, (INT, 500, 5500))
_DIVIDER = {"pin": PIN, "grounded": (FLAG,), "r_series": _OHM, "supply_mv": _VOLTAGE, "full_mv": _VOLTAGE}
_SENSORS = {
    "ds18b20": {"rom": (MAYBE, (BYTES, 8, 8))},
    "dht22": {"pin": PIN},
    "chip": {},
    "ntc": dict(_DIVIDER, r_25=(MAYBE, _OHM), beta=(MAYBE, (INT, 500, 10000)), steinhart=_CURVE),
    "ldr": dict(_DIVIDER, r_10=_OHM, gamma=(NUMBER, 0.1, 2)),
}
for _kind in ("aht20", "bh1750", "bme280", "bmp280", "sht3x", "sht4x", "tmp117", "tsl2591", "veml7700"):
    _SENSORS[_kind] = _ON_I2C
SENSOR = optional((PART, Sensor, {"kind": (NAME,), "names": (NAMES,)}, _SENSORS))

# A value becomes value * scale + offset, or what `table` has between its points, [[from, to], …]; then the median of
# the last `median`, then smoothed (the weight of the newest). One report is made of `every` samples: their mean, with
# `stats` also the least and the greatest. It is left out while it is within `deadband` of the last one reported, for
# `heartbeat_s` (900) at most. An alarm is on above `above`, or below `below`, and off again `hysteresis` inside.
# mote.values does it, mote.settings says what goes together.
VALUE = optional(
    (
        PART,
        Value,
        {
            "name": (NAME,),
            "scale": (MAYBE, _ANY),
            "offset": (MAYBE, _ANY),
            "table": (MAYBE, (LIST, 8, (LIST, 2, _ANY))),
            "median": (MAYBE, (INT, 3, 9)),
            "smooth": (MAYBE, (NUMBER, 0.0078125, 1)),  # 2^-7: single precision has it as it is
            "every": (MAYBE, (INT, 1, 3600)),
            "stats": (MAYBE, (FLAG,)),
            "deadband": (MAYBE, _POSITIVE),
            "heartbeat_s": (MAYBE, (INT, 1, 86400)),
            "above": (MAYBE, _ANY),
            "below": (MAYBE, _ANY),
            "hysteresis": (MAYBE, _POSITIVE),
        },
        None,
    )
)

# The safe state is taken at start, after a crash, and when nothing was heard of the broker for `link_s` (0: the link
# does not matter); `longest_s` after it was left, it is taken again; switches are `interval_ms` apart at least, but
# for those to the safe state. `keep` brings the last state back after a start. `link_s` is 300 where it is left out, or
# twice keepalive_s where that is more; 0 where a rule drives the actuator, which needs no broker.
_ON_OFF = {"safe": (INT, 0, 1), "low": (MAYBE, (FLAG,))}
ACTUATOR = optional(
    (
        PART,
        Actuator,
        {
            "kind": (NAME,),
            "name": (NAME,),
            "pin": PIN,
            "safe": _ANY,
            "link_s": (MAYBE, (INT, 0, _WEEK_S)),
            "longest_s": (MAYBE, _SECONDS),
            "interval_ms": (MAYBE, (INT, 0, 3600000)),
            "keep": (MAYBE, (FLAG,)),
        },
        {
            "relay": dict(_ON_OFF, sense=(MAYBE, PIN)),
            "dimmer": {
                "safe": (NUMBER, 0, 100),
                "freq_hz": (MAYBE, (INT, 1, 40000)),
                "gamma": (MAYBE, (NUMBER, 0.3, 4)),
                "fade_ms": (MAYBE, (INT, 0, 60000)),
            },
            "servo": {
                "safe": (NUMBER, 0, 180),
                "min_us": (MAYBE, (INT, 300, 3000)),
                "max_us": (MAYBE, (INT, 300, 3000)),
            },
            "led": _ON_OFF,
            "buzzer": {"safe": (INT, 0, 20000), "freq_hz": (MAYBE, (INT, 20, 20000))},
        },
    )
)

# A rule drives its actuator from what a sensor says or from the time of day, with no broker (mote/rules). A thermostat
# switches on from `target - hysteresis` down and off from `target + hysteresis` up, `cool` the other way round; a light
# is held within `hysteresis` of its target in steps of `step` percent at most. Where the sensor said nothing for
# `stale_s` (three samples and a minute at least, if left out), or the time is not known, the actuator goes to its safe
# state. A command overrides the rule for `override_s` (an hour, if left out), or for the time that it states.
_BY_SENSOR = {"sensor": (NAME,), "target": _ANY, "hysteresis": _POSITIVE, "stale_s": (MAYBE, _SECONDS)}
RULE = optional(
    (
        PART,
        Rule,
        {"kind": (NAME,), "actuator": (NAME,), "override_s": (MAYBE, _SECONDS)},
        {
            "thermostat": dict(_BY_SENSOR, cool=(MAYBE, (FLAG,))),
            "light": dict(_BY_SENSOR, step=(MAYBE, (NUMBER, 0.1, 100))),
            # times: [[minute of the day, value], …]
            "schedule": {"utc_min": (MAYBE, (INT, -840, 840)), "times": (LIST, 24, (LIST, 2, _ANY))},
        },
    )
)
