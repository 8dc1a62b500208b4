"""A mote's settings: deterministic CBOR, checked field by field into one object, on the host and again on the mote.

Secrets are not among them. An unknown field is refused: it is a typing error, or for another version.
"""

from collections import namedtuple

from mote import cbor, channel, const, record, topics

PATH = "/settings.cbor"
VERSION = const(1)
TOKEN = "token"
STATIC = "static"

# The networks `ssid` and `more`, whose passphrases are in the vault as wifi, wifi1 …; `pick` is order or strongest.
Wifi = namedtuple("Wifi", "ssid more pick hostname country pm address")
Address = namedtuple("Address", "ip mask gateway dns")
Broker = namedtuple("Broker", "host port name")
I2c = namedtuple("I2c", "sda scl freq_hz")
OneWire = namedtuple("OneWire", "pin")
Actuator = namedtuple("Actuator", "kind name pin safe freq_hz")

# Rules are tuples of a kind and what it takes. Closures would read better and take three times the heap.
_INT = const(0)  # lowest, highest
_TEXT = const(1)  # shortest, longest
_WORD = const(2)  # the words
_BYTES = const(3)  # fewest, most
_FLAG = const(4)
_NUMBER = const(5)  # lowest, highest
_ID = const(6)
_NAME = const(7)
_NAMES = const(8)
_TABLE = const(9)  # namedtuple, its rules
_LIST = const(10)  # most, the rule of each
_MAYBE = const(11)  # the rule of what may be null, or left out of a table
_SOME = const(12)  # most, the rule of each: one, or a list of at least one
_IP = const(13)
_PART = const(14)  # a sensor

_PIN = (_INT, 0, 63)
_HOST = (_TEXT, 1, 253)
_SSID = (_TEXT, 1, 32)
_WIFI = {
    "ssid": _SSID,
    "more": (_MAYBE, (_LIST, 3, _SSID)),
    "pick": (_MAYBE, (_WORD, "order", "strongest")),
    "hostname": (_MAYBE, (_ID,)),
    "country": (_MAYBE, (_TEXT, 2, 2)),
    "pm": (_MAYBE, (_WORD, "none", "performance", "powersave")),
    "address": (_MAYBE, (_TABLE, Address, {"ip": (_IP,), "mask": (_IP,), "gateway": (_IP,), "dns": (_IP,)})),
}
_OHM = (_NUMBER, 1, 100000000)
_SENSOR = {"kind": (_NAME,), "names": (_NAMES,)}
# What kinds of sensor need besides; those that are not here need an I2C address, which no part can be read without.
_ON_I2C = {"address": (_INT, 3, 0x77)}
_CURVE = (_MAYBE, (_LIST, 3, (_NUMBER, -1, 1)))
_VOLTAGE = (_MAYBE, (_INT, 500, 5500))
_DIVIDER = {"pin": _PIN, "grounded": (_FLAG,), "r_series": _OHM, "supply_mv": _VOLTAGE, "full_mv": _VOLTAGE}
_NEEDS = {
    "ds18b20": {"rom": (_MAYBE, (_BYTES, 8, 8))},
    "dht22": {"pin": _PIN},
    "chip": {},
    "ntc": dict(_DIVIDER, r_25=(_MAYBE, _OHM), beta=(_MAYBE, (_INT, 500, 10000)), steinhart=_CURVE),
    "ldr": dict(_DIVIDER, r_10=_OHM, gamma=(_NUMBER, 0.1, 2)),
}
_ACTUATOR = {
    "kind": (_NAME,),
    "name": (_NAME,),
    "pin": _PIN,
    "safe": (_NUMBER, -1000000, 1000000),
    "freq_hz": (_MAYBE, (_INT, 1, 40000)),
}
_RULES = {
    "v": (_INT, VERSION, VERSION),
    "mote": (_ID,),
    "fleet": (_BYTES, 8, 32),
    "board": (_TEXT, 1, 16),
    "zone": (_ID,),
    "generation": (_INT, 1, 255),
    "channel": (_WORD, channel.AUTO) + channel.CHANNELS,
    "floor": (_WORD,) + channel.CHANNELS,
    "room": (_FLAG,),
    "wifi": (_TABLE, Wifi, _WIFI),
    # One or several, tried in order. All of them show a certificate of one name: a second host is no second trust.
    "broker": (_SOME, 4, (_TABLE, Broker, {"host": _HOST, "port": (_INT, 1, 65535), "name": _HOST})),
    "connect": (_WORD, TOKEN, STATIC),
    "keepalive_s": (_INT, 5, 3600),
    "timeout_ms": (_INT, 500, 60000),
    "sample_ms": (_INT, 100, 86400000),
    "command_age_s": (_INT, 1, 3600),
    "clock_floor": (_INT, 1577836800, 0xFFFFFFFF),  # 2020 to 2106
    "ntp": (_TEXT, 0, 253),
    "i2c": (_MAYBE, (_TABLE, I2c, {"sda": _PIN, "scl": _PIN, "freq_hz": (_INT, 1000, 1000000)})),
    "onewire": (_MAYBE, (_TABLE, OneWire, {"pin": _PIN})),
    "sensors": (_LIST, 16, (_PART,)),
    "actuators": (_LIST, 8, (_TABLE, Actuator, _ACTUATOR)),
    "led": (_MAYBE, _PIN),
    # Records that wait are in RAM, `outbox` of them, then in flash, `backlog` bytes (0: nowhere); where both are full
    # the oldest or the newest is dropped. One that has waited for keep_s in RAM goes into flash (0: only when it must).
    "outbox": (_INT, 4, 256),
    "backlog": (_INT, 0, 16777216),
    "drop": (_WORD, "oldest", "newest"),
    "keep_s": (_INT, 0, 86400),
    # A mote that never sleeps deeply (0) need not say so. One that does takes a record each waking, and listens for
    # listen_ms after the broker has all that it had to say.
    "sleep_ms": (_INT, 0, 86400000),
    "listen_ms": (_INT, 100, 60000),
    # A mote that heard nothing of a broker for so long starts anew (0: it never does).
    "watchdog_s": (_INT, 0, 86400),
    # How often it says how it is, besides at each connect and when something matters; 0 is no more often than that.
    "health_s": (_INT, 0, 86400),
    "log": (_WORD, "debug", "info", "warning", "error"),
}
_DEFAULTS = {
    "backlog": 16384,
    "drop": "oldest",
    "keep_s": 60,
    "sleep_ms": 0,
    "listen_ms": 2000,
    "health_s": 900,
    "log": "info",
    "watchdog_s": 600,
}


class SettingsError(ValueError):
    """The settings cannot be used; the text names the field and what it takes."""


def _fail(field, words):
    raise SettingsError("%s: %s" % (field, words))


def _between(value, rule):
    """True where `value` is a number, no bool, within the rule; a NaN is in no range."""
    return not isinstance(value, bool) and isinstance(value, (int, float)) and rule[1] <= value <= rule[2]


def _check(value, rule, field):
    """Return `value` as the settings hold it. Raises SettingsError."""
    kind = rule[0]
    if kind == _MAYBE:
        return None if value is None else _check(value, rule[1], field)
    if kind == _TABLE:
        return _table(value, rule, field)
    if kind == _SOME and isinstance(value, dict):
        return [_check(value, rule[2], field)]
    if kind in (_LIST, _SOME):
        if not isinstance(value, (list, tuple)) or len(value) > rule[1] or (kind == _SOME and not value):
            _fail(field, "a list of at most %d" % rule[1])
        return [_check(item, rule[2], "%s[%d]" % (field, i)) for i, item in enumerate(value)]
    if kind == _NAMES:
        return _names(value, field)
    if kind == _PART:
        return _part(value, field)
    words = _wrong(value, kind, rule)
    if words:
        _fail(field, words)
    return value


def _wrong(value, kind, rule):
    """Return what a field of `rule` takes where `value` is not that, else None."""
    if kind == _INT:
        if not isinstance(value, int) or not _between(value, rule):
            return "a whole number from %d to %d" % rule[1:]
    elif kind == _NUMBER:
        if not _between(value, rule):
            return "a number from %s to %s" % rule[1:]
    elif kind == _FLAG:
        if not isinstance(value, bool):
            return "true or false"
    elif kind == _WORD:
        if not isinstance(value, str) or value not in rule[1:]:
            return "one of " + ", ".join(rule[1:])
    elif kind == _TEXT:
        if not record.is_text(value, rule[2]) or len(value) < rule[1]:
            return "a text of %d to %d characters" % rule[1:]
    elif kind == _BYTES:
        if not isinstance(value, bytes) or not rule[1] <= len(value) <= rule[2]:
            return "%d to %d bytes" % rule[1:]
    elif kind == _NAME:
        if not record.is_name(value):
            return "a name of 1 to 32 letters, digits and _.:/-"
    elif kind == _IP:
        if not _is_ip(value):
            return "an address such as 192.168.1.20"
    elif not topics.is_id(value):
        return "1 to 23 of a-z, 0-9 and -"
    return None


def _is_ip(value):
    """True where `value` is an IPv4 address in decimal."""
    if not record.is_text(value, 15):
        return False
    parts = value.split(".")
    for part in parts:
        if not 0 < len(part) <= 3 or not all("0" <= letter <= "9" for letter in part) or int(part) > 255:
            return False
    return len(parts) == 4


def _table(value, rule, field):
    """Return the namedtuple of the rule, from a map with exactly its fields; what may be null may be missing."""
    rules = rule[2]
    if not isinstance(value, dict):
        _fail(field, "a table")
    for name in value:
        if not isinstance(name, str) or name not in rules:
            _fail("%s.%s" % (field, name), "no such setting")
    found = {}
    for name in rules:
        if name not in value and rules[name][0] != _MAYBE:
            _fail("%s.%s" % (field, name), "is missing")
        found[name] = _check(value.get(name), rules[name], "%s.%s" % (field, name))
    return rule[1](**found)


def _names(value, field):
    """Return the map from what a sensor measures to the name under which it is reported."""
    if not isinstance(value, dict) or not value:
        _fail(field, "a table from what is measured to a name")
    for quantity in value:
        if not isinstance(quantity, str) or quantity not in record.UNITS:
            _fail("%s.%s" % (field, quantity), "one measures " + ", ".join(sorted(record.UNITS)))
        _check(value[quantity], (_NAME,), "%s.%s" % (field, quantity))
    return value


def _part(value, field):
    """Return the Sensor of `value`, with what its kind needs and nothing else."""
    kind = value.get("kind") if isinstance(value, dict) else None
    rules = dict(_SENSOR)
    rules.update(_NEEDS.get(kind, _ON_I2C) if isinstance(kind, str) else _ON_I2C)
    found = _table(value, (_TABLE, dict, rules), field)
    if kind == "ntc":
        curve, line = found["steinhart"], (found["r_25"], found["beta"])
        if not (None not in line if curve is None else len(curve) == 3 and line == (None, None)):
            _fail(field, "an ntc takes either r_25 and beta, or steinhart: three numbers")
    sensor = Sensor()
    for name in found:
        setattr(sensor, name, found[name])
    return sensor


class Sensor:
    """A sensor's settings as attributes: `kind`, `names` (what it measures -> the name that it is reported under)
    and what _NEEDS has for its kind, None where it was left out. Without methods, as Values.
    """


class Values:
    """The settings as attributes: `mote`, `broker.host`, `sensors[0].kind` …; see _RULES for all.

    It has no methods on purpose: it keeps nothing of this module alive, so that a small board can unload
    the module, which is a fifth of what these modules take, once the settings are read.
    """


def check(fields):
    """Return the Values in `fields`, a dict. Raises SettingsError."""
    if not isinstance(fields, dict):
        _fail("settings", "a table")
    for name in fields:
        if not isinstance(name, str) or name not in _RULES:
            _fail(str(name), "no such setting")
    values = Values()
    for name in _RULES:
        if name not in fields and name not in _DEFAULTS:
            _fail(name, "is missing")
        setattr(values, name, _check(fields[name] if name in fields else _DEFAULTS[name], _RULES[name], name))
    if values.channel != channel.AUTO and not channel.reaches(values.channel, values.floor):
        _fail("channel", "%s is less than the floor, %s" % (values.channel, values.floor))
    # Here the first is `broker`, whose name is that of all.
    values.brokers = values.broker
    values.broker = values.brokers[0]
    for i, broker in enumerate(values.brokers):
        if broker.name != values.broker.name:
            _fail("broker[%d].name" % i, "the same as the first's: another name would be another trust")
    quiet_s = values.keepalive_s + values.timeout_ms // 500
    if 0 < values.watchdog_s <= quiet_s:
        _fail("watchdog_s", "0, or more than keepalive_s and two timeouts: %d" % quiet_s)
    _check_names(values)
    return values


def _check_names(values):
    """Two readings, or two actuators, of one name could not be told apart."""
    seen = []
    for i, sensor in enumerate(values.sensors):
        for quantity in sensor.names:
            if sensor.names[quantity] in seen:
                _fail("sensors[%d].names.%s" % (i, quantity), "the name %s is taken" % sensor.names[quantity])
            seen.append(sensor.names[quantity])
    seen = []
    for i, actuator in enumerate(values.actuators):
        if actuator.name in seen:
            _fail("actuators[%d].name" % i, "the name %s is taken" % actuator.name)
        seen.append(actuator.name)


class Settings:
    """Reads settings."""

    @staticmethod
    def from_cbor(data):
        """Return the Values in `data`. Raises SettingsError."""
        try:
            fields = cbor.decode(data, 4, 512)
        except cbor.CborError as error:
            _fail("settings", "damaged (%s)" % error)
        return check(fields)


def to_cbor(fields):
    """Return `fields` as the mote reads them, after the checks that it will make. Raises SettingsError.

    Floats are in single precision: boards have no other, and read no double that is not one.
    """
    check(fields)
    return cbor.encode(_singles(fields))


def _singles(value):
    if isinstance(value, dict):
        return {key: _singles(value[key]) for key in value}
    if isinstance(value, (list, tuple)):
        return [_singles(item) for item in value]
    return cbor.single(value) if isinstance(value, float) else value
