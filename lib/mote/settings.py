"""A mote's settings: deterministic CBOR, checked field by field into one object, on the host and again on the mote.

Secrets are not among them. An unknown field is refused: it is a typing error, or for another version.
"""

from collections import namedtuple

from mote import cbor, channel, command, const, record, topics

PATH = "/settings.cbor"
VERSION = const(1)
TOKEN = "token"
STATIC = "static"

Wifi = namedtuple("Wifi", "ssid")
Broker = namedtuple("Broker", "host port name")
I2c = namedtuple("I2c", "sda scl freq_hz")
OneWire = namedtuple("OneWire", "pin")
Sensor = namedtuple("Sensor", "kind address names")
Actuator = namedtuple("Actuator", "kind name pin safe freq_hz")

_PINS = const(63)
_YEAR_2020 = const(1577836800)
_YEAR_2106 = const(0xFFFFFFFF)


class SettingsError(ValueError):
    """The settings cannot be used; the text names the field and what it takes."""


def _fail(field, words):
    raise SettingsError("%s: %s" % (field, words))


def _integer(low, high):
    def check(value, field):
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            _fail(field, "a whole number from %d to %d" % (low, high))
        return value

    return check


def _text(longest, shortest=1):
    def check(value, field):
        if not isinstance(value, str) or not shortest <= len(value) <= longest:
            _fail(field, "a text of %d to %d characters" % (shortest, longest))
        return value

    return check


def _choice(*words):
    def check(value, field):
        if value not in words:
            _fail(field, "one of " + ", ".join(words))
        return value

    return check


def _actuator_name(value, field):
    if _text(32)(value, field).startswith(command.RESERVED):
        _fail(field, "no name that begins with " + command.RESERVED)
    return value


def _flag(value, field):
    if not isinstance(value, bool):
        _fail(field, "true or false")
    return value


def _id(value, field):
    try:
        return topics.check_id(value)
    except topics.TopicError as error:
        _fail(field, str(error))


def _fleet(value, field):
    if not isinstance(value, bytes) or not 8 <= len(value) <= 32:
        _fail(field, "8 to 32 bytes")
    return value


def _number(value, field):
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -1e6 <= value <= 1e6:
        _fail(field, "a number")
    return value


def _optional(check):
    def maybe(value, field):
        return None if value is None else check(value, field)

    return maybe


def _table(make, optional, **checks):
    """Return a check for a map with exactly these fields; those in `optional` may be missing (None)."""

    def check(value, field):
        if not isinstance(value, dict):
            _fail(field, "a table")
        for name in value:
            if name not in checks:
                _fail("%s.%s" % (field, name), "no such setting")
        found = {}
        for name in checks:
            if name in value:
                found[name] = checks[name](value[name], "%s.%s" % (field, name))
            elif name in optional:
                found[name] = None
            else:
                _fail("%s.%s" % (field, name), "is missing")
        return make(**found)

    return check


def _list(check, most):
    def each(value, field):
        if not isinstance(value, (list, tuple)) or len(value) > most:
            _fail(field, "a list of at most %d" % most)
        return [check(item, "%s[%d]" % (field, i)) for i, item in enumerate(value)]

    return each


def _names(value, field):
    """What a sensor measures, and the name under which it is reported."""
    if not isinstance(value, dict) or not value:
        _fail(field, "a table from what is measured to a name")
    for quantity in value:
        if quantity not in record.UNITS:
            _fail("%s.%s" % (field, quantity), "one of " + ", ".join(sorted(record.UNITS)))
        _text(32)(value[quantity], "%s.%s" % (field, quantity))
    return value


_PIN = _integer(0, _PINS)

_CHECKS = {
    "v": _integer(VERSION, VERSION),
    "mote": _id,
    "fleet": _fleet,
    "board": _text(16),
    "zone": _id,
    "generation": _integer(1, 255),
    "channel": _choice(channel.AUTO, *channel.CHANNELS),
    "floor": _choice(*channel.CHANNELS),
    "room": _flag,
    "wifi": _table(Wifi, (), ssid=_text(32)),
    "broker": _table(Broker, (), host=_text(253), port=_integer(1, 65535), name=_text(253)),
    "connect": _choice(TOKEN, STATIC),
    "keepalive_s": _integer(5, 3600),
    "timeout_ms": _integer(500, 60000),
    "sample_ms": _integer(100, 86400000),
    "command_age_s": _integer(1, 3600),
    "clock_floor": _integer(_YEAR_2020, _YEAR_2106),
    "ntp": _text(253, 0),
    "i2c": _optional(_table(I2c, (), sda=_PIN, scl=_PIN, freq_hz=_integer(1000, 1000000))),
    "onewire": _optional(_table(OneWire, (), pin=_PIN)),
    "sensors": _list(
        _table(Sensor, ("address",), kind=_text(16), address=_optional(_integer(3, 0x77)), names=_names), 16
    ),
    "actuators": _list(
        _table(
            Actuator,
            ("freq_hz",),
            kind=_text(16),
            name=_actuator_name,
            pin=_PIN,
            safe=_number,
            freq_hz=_optional(_integer(1, 40000)),
        ),
        8,
    ),
    "led": _optional(_PIN),
    "outbox": _integer(4, 256),
    "sleep_ms": _integer(0, 86400000),
    "listen_ms": _integer(100, 60000),
}
# A mote that never sleeps deeply (sleep_ms 0) need not say so. One that does takes a record each waking, and listens
# for listen_ms after the broker has all that it had to say.
_DEFAULTS = {"sleep_ms": 0, "listen_ms": 2000}


class Settings:
    """The settings as attributes: `mote`, `broker.host`, `sensors[0].kind` …; see _CHECKS for all."""

    def __init__(self, fields):
        """Check `fields`, a dict. Raises SettingsError."""
        if not isinstance(fields, dict):
            _fail("settings", "a table")
        for name in fields:
            if name not in _CHECKS:
                _fail(str(name), "no such setting")
        for name in _CHECKS:
            if name in fields:
                value = fields[name]
            elif name in _DEFAULTS:
                value = _DEFAULTS[name]
            else:
                _fail(name, "is missing")
            setattr(self, name, _CHECKS[name](value, name))

    @classmethod
    def from_cbor(cls, data):
        """Return the Settings in `data`. Raises SettingsError."""
        try:
            return cls(cbor.decode(data, 4, 512))
        except cbor.CborError as error:
            _fail("settings", "damaged (%s)" % error)


def to_cbor(fields):
    """Return `fields` as the mote reads them, after the checks that it will make. Raises SettingsError."""
    Settings(fields)
    return cbor.encode(fields)
