"""A mote's settings: deterministic CBOR, checked field by field into one object, on the host and again on the mote.

Secrets are not among them. An unknown field is refused: it is a typing error, or for another version.
"""

from collections import namedtuple

from mote import cbor, channel, const, schema
from mote.kinds import ACTUATOR, PIN, RULE, SENSOR, VALUE
from mote.schema import BYTES, FLAG, ID, INT, IP, LIST, MAYBE, NAME, SOME, TABLE, TEXT, WORD, fail

PATH = "/settings.cbor"
_DEPTH = const(5)  # the most that settings nest, and the values in them: mote.cbor
_ITEMS = const(1024)
VERSION = const(1)
_LONGEST_ESP8266_MS = const(4200000)  # 2^32 microseconds, and what the timer may be wrong by
TOKEN = "token"
STATIC = "static"

SettingsError = schema.SettingsError

# The networks `ssid` and `more`, whose passphrases are in the vault as wifi, wifi1 …; `pick` is order or strongest.
Wifi = namedtuple("Wifi", "ssid more pick hostname country pm address")
Address = namedtuple("Address", "ip mask gateway dns")
Broker = namedtuple("Broker", "host port name")
I2c = namedtuple("I2c", "sda scl freq_hz")
OneWire = namedtuple("OneWire", "pin")

_HOST = (TEXT, 1, 253)
_SSID = (TEXT, 1, 32)
_WIFI = {
    "ssid": _SSID,
    "more": (MAYBE, (LIST, 3, _SSID)),
    "pick": (MAYBE, (WORD, "order", "strongest")),
    "hostname": (MAYBE, (ID,)),
    "country": (MAYBE, (TEXT, 2, 2)),
    "pm": (MAYBE, (WORD, "none", "performance", "powersave")),
    "address": (MAYBE, (TABLE, Address, {"ip": (IP,), "mask": (IP,), "gateway": (IP,), "dns": (IP,)})),
}
FIELDS = {
    "v": (INT, VERSION, VERSION),
    "mote": (ID,),
    "fleet": (BYTES, 8, 32),
    "board": (TEXT, 1, 16),
    "zone": (ID,),
    "generation": (INT, 1, 255),
    "channel": (WORD, channel.AUTO) + channel.CHANNELS,
    "floor": (WORD,) + channel.CHANNELS,
    "room": (FLAG,),
    "wifi": (TABLE, Wifi, _WIFI),
    # One or several, tried in order. All of them show a certificate of one name: a second host is no second trust.
    "broker": (SOME, 4, (TABLE, Broker, {"host": _HOST, "port": (INT, 1, 65535), "name": _HOST})),
    "connect": (WORD, TOKEN, STATIC),
    "keepalive_s": (INT, 5, 3600),
    "timeout_ms": (INT, 500, 60000),
    "sample_ms": (INT, 100, 86400000),
    "command_age_s": (INT, 1, 3600),
    "clock_floor": (INT, 1577836800, 0xFFFFFFFF),  # 2020 to 2106
    "ntp": (TEXT, 0, 253),
    "i2c": (MAYBE, (TABLE, I2c, {"sda": PIN, "scl": PIN, "freq_hz": (INT, 1000, 1000000)})),
    "onewire": (MAYBE, (TABLE, OneWire, {"pin": PIN})),
    "sensors": (LIST, 16, SENSOR),
    "values": (LIST, 32, VALUE),
    "actuators": (LIST, 8, ACTUATOR),
    "rules": (LIST, 8, RULE),
    "led": (MAYBE, PIN),
    # Records that wait are in RAM, `outbox` of them, then in flash, `backlog` bytes (0: nowhere); where both are full
    # the oldest or the newest is dropped. One that has waited for keep_s in RAM goes into flash (0: only when it must).
    "outbox": (INT, 4, 256),
    "backlog": (INT, 0, 16777216),
    "drop": (WORD, "oldest", "newest"),
    "keep_s": (INT, 0, 86400),
    # A mote that never sleeps deeply (0) need not say so. One that does takes a record each waking, sends what it has
    # at each send_every-th, and listens for listen_ms after the broker has all that it had to say.
    "sleep_ms": (INT, 0, 86400000),
    "send_every": (INT, 1, 1000),
    "listen_ms": (INT, 100, 60000),
    # A mote that heard nothing of a broker for so long starts anew (0: it never does).
    "watchdog_s": (INT, 0, 86400),
    # How often it says how it is, besides at each connect and when something matters; 0 is no more often than that.
    "health_s": (INT, 0, 86400),
    "log": (WORD, "debug", "info", "warning", "error"),
}
DEFAULTS = {
    "values": (),
    "rules": (),
    "backlog": 16384,
    "drop": "oldest",
    "keep_s": 60,
    "sleep_ms": 0,
    "send_every": 1,
    "listen_ms": 2000,
    "health_s": 900,
    "log": "info",
    "watchdog_s": 600,
}

# What asks for more than the sample of the moment.
_REMEMBERS = ("median", "smooth", "every", "deadband", "heartbeat_s")


class Values:
    """The settings as attributes: `mote`, `broker.host`, `sensors[0].kind` …; see FIELDS for all.

    It has no methods on purpose: it keeps nothing of this module alive, so that a small board can unload
    the module, which is a fifth of what these modules take, once the settings are read.
    """


def check(fields):
    """Return the Values in `fields`, a dict. Raises SettingsError."""
    if not isinstance(fields, dict):
        fail("settings", "a table")
    for name in fields:
        if not isinstance(name, str) or name not in FIELDS:
            fail(str(name), "no such setting")
    values = Values()
    for name in FIELDS:
        if name not in fields and name not in DEFAULTS:
            fail(name, "is missing")
        setattr(values, name, schema.check(fields[name] if name in fields else DEFAULTS[name], FIELDS[name], name))
    if values.channel != channel.AUTO and not channel.reaches(values.channel, values.floor):
        fail("channel", "%s is less than the floor, %s" % (values.channel, values.floor))
    # Here the first is `broker`, whose name is that of all.
    values.brokers = values.broker
    values.broker = values.brokers[0]
    for i, broker in enumerate(values.brokers):
        if broker.name != values.broker.name:
            fail("broker[%d].name" % i, "the same as the first's: another name would be another trust")
    quiet_s = values.keepalive_s + values.timeout_ms // 500
    if 0 < values.watchdog_s <= quiet_s:
        fail("watchdog_s", "0, or more than keepalive_s and two timeouts: %d" % quiet_s)
    if values.send_every > 1 and not values.sleep_ms:
        fail("send_every", "1, or give the mote a sleep_ms: only wakings are counted")
    if values.sleep_ms > _LONGEST_ESP8266_MS and values.board.startswith("esp8266"):
        fail("sleep_ms", "%d at most on an ESP8266, whose timer has no more" % _LONGEST_ESP8266_MS)
    _check_names(values)
    _check_actuators(values, quiet_s)
    if values.rules:
        from mote import rule_check

        rule_check.check(values)
    return values


def _check_names(values):
    """Two readings, or two actuators, of one name could not be told apart; and what is named has to be there."""
    seen = []
    for i, sensor in enumerate(values.sensors):
        if sensor.kind == "ntc":
            curve, line = sensor.steinhart, (sensor.r_25, sensor.beta)
            if not (None not in line if curve is None else len(curve) == 3 and line == (None, None)):
                fail("sensors[%d]" % i, "an ntc takes either r_25 and beta, or steinhart: three numbers")
        for quantity in sensor.names:
            _add(seen, "sensors[%d].names.%s" % (i, quantity), sensor.names[quantity])
    measured = list(seen)
    treated = []
    for i, value in enumerate(values.values):
        field = "values[%d]." % i
        value.name = _find(measured, field + "name", value.name, "sensor")
        _add(treated, field + "name", value.name, "%s has an entry already")
        _check_value(value, field, values.sleep_ms)
        for suffix, there in (
            (":min", value.stats),
            (":max", value.stats),
            (":high", value.above),
            (":low", value.below),
        ):
            if there is not None and there is not False:
                schema.check(value.name + suffix, (NAME,), field + "name" + suffix)
                _add(seen, field + "name" + suffix, value.name + suffix)
    there = []
    for i, actuator in enumerate(values.actuators):
        _add(seen, "actuators[%d].name" % i, actuator.name)  # what becomes of it is reported, as readings are
        there.append(actuator.name)
    driven = []
    for i, rule in enumerate(values.rules):
        rule.actuator = _find(there, "rules[%d].actuator" % i, rule.actuator, "actuator")
        _add(driven, "rules[%d].actuator" % i, rule.actuator, "%s has a rule already")
        if rule.kind != "schedule":
            rule.sensor = _find(measured, "rules[%d].sensor" % i, rule.sensor, "sensor")


def _check_actuators(values, quiet_s):
    """What they are held to can be kept, and means something: a link is quiet for up to `quiet_s` seconds."""
    for i, actuator in enumerate(values.actuators):
        field = "actuators[%d]." % i
        if 0 < (actuator.link_s or 0) <= quiet_s:
            fail(field + "link_s", "0, or more than keepalive_s and two timeouts: %d" % quiet_s)
        if actuator.keep:
            if actuator.longest_s:
                fail(field + "keep", "not with longest_s: after a start nobody knows how long it was on")
            if values.sleep_ms:
                fail(field + "keep", "nothing is kept over deep sleep: sleep_ms has to be 0")
        if actuator.kind == "servo" and (actuator.min_us or 500) >= (actuator.max_us or 2500):
            fail(field + "max_us", "more than min_us: 500 and 2500 where they are left out")
        if actuator.kind == "buzzer" and actuator.freq_hz and actuator.safe > 1:
            fail(field + "safe", "0 or 1: with freq_hz it is off or on")


def _check_value(value, field, sleep_ms):
    """What is done with one value goes together, and does something."""
    if value.table is not None:
        if value.scale is not None or value.offset is not None:
            fail(field + "table", "either a table, or scale and offset")
        points = value.table
        pairs = all(len(point) == 2 for point in points)
        if len(points) < 2 or not pairs or any(points[i - 1][0] >= points[i][0] for i in range(1, len(points))):
            fail(field + "table", "two points or more, each [from, to], in rising order of from")
    if value.stats and (value.every is None or value.every < 2):
        fail(field + "stats", "with every of 2 or more: of one sample there is no least and no greatest")
    if value.stats and value.deadband is not None:
        fail(field + "deadband", "not with stats: the least and the greatest would be left out with the mean")
    alarms = (value.above is not None) + (value.below is not None)
    if value.hysteresis is not None and not alarms:
        fail(field + "hysteresis", "with above or below: it is an alarm's")
    if value.heartbeat_s is not None and value.deadband is None and not alarms:
        fail(field + "heartbeat_s", "with deadband, above or below: without them nothing is left out")
    if alarms == 2 and value.above - value.below <= (value.hysteresis or 0):
        fail(field + "above", "more than hysteresis above below")
    for name in _REMEMBERS if sleep_ms else ():
        if getattr(value, name) is not None:
            fail(field + name, "not with sleep_ms: deep sleep forgets the samples before")


def _add(seen, field, name, words="the name %s is taken"):
    if name in seen:
        fail(field, words % name)
    seen.append(name)


def _find(there, field, name, what):
    """Return what in `there` is equal to `name`, so that a name is in memory once."""
    if name not in there:
        fail(field, "no %s of that name: %s" % (what, ", ".join(there) or "there is none"))
    return there[there.index(name)]


def decode(data):
    """Return what is in `data`, the CBOR of settings, before any field of it is checked. Raises cbor.CborError."""
    return cbor.decode(data, _DEPTH, _ITEMS)


class Settings:
    """Reads settings."""

    @staticmethod
    def from_cbor(data):
        """Return the Values in `data`. Raises SettingsError."""
        try:
            fields = decode(data)
        except cbor.CborError as error:
            fail("settings", "damaged (%s); provision this mote again" % error)
        return check(fields)


def to_cbor(fields):
    """Return `fields` as the mote reads them, after the checks that it will make. Raises SettingsError.

    Floats are in single precision: boards have no other, and read no double that is not one.
    """
    check(fields)
    fields = _singles(fields)
    check(fields)  # two numbers that differ may be one in single precision
    return cbor.encode(fields)


def _singles(value):
    if isinstance(value, dict):
        return {key: _singles(value[key]) for key in value}
    if isinstance(value, (list, tuple)):
        return [_singles(item) for item in value]
    return cbor.single(value) if isinstance(value, float) else value
