"""Two motes with one of everything, as Home Assistant is shown them: what their files say, and what they report."""

from ironmote import mote_file
from ironmote.gateway.events import RecordSeen
from ironmote.northbound.described import of_file
from mote.record import Reading

FILE = {
    "board": "esp32",
    "i2c": {"sda": 21, "scl": 22},
    "sensor": [
        {"kind": "bme280", "address": 0x76, "names": {"temperature": "air", "humidity": "damp", "pressure": "baro"}},
        {"kind": "bh1750", "address": 0x23, "names": {"illuminance": "bed/light.1"}},
    ],
    "value": [{"name": "air", "above": 28, "below": 5, "every": 2, "stats": True}],
    "actuator": [
        {"kind": "relay", "name": "heater", "pin": 19, "safe": 0},
        {"kind": "dimmer", "name": "lamp", "pin": 18, "safe": 0},
        {"kind": "servo", "name": "flap", "pin": 17, "safe": 90},
        {"kind": "led", "name": "sign", "pin": 16, "safe": 0},
        {"kind": "buzzer", "name": "horn", "pin": 4, "safe": 0, "freq_hz": 2000},
        {"kind": "buzzer", "name": "tune", "pin": 23, "safe": 0},
    ],
}
READINGS = (
    Reading("air", "Cel", 21.5, None),
    Reading("damp", "%RH", 40.5, None),
    Reading("baro", "Pa", 101300, None),
    Reading("bed/light.1", "lx", 431, None),
    Reading("air:high", None, True, None),
    Reading("air:low", None, False, None),
    Reading("air:max", "Cel", 22.5, None),
    Reading("heater", None, True, None),
    Reading("lamp", "/", 0.4, None),
    Reading("flap", "rad", 1.5708, None),
    Reading("sign", None, False, None),
    Reading("horn", None, False, None),
    Reading("tune", "Hz", 440, None),
)


def described():
    """What the file says of such a mote."""
    return of_file(mote_file.of_table(FILE, "motes/cellar.toml"))


def seen(mote: str, readings=READINGS) -> RecordSeen:
    """A record of it, as the gateway tells of it."""
    return RecordSeen(mote, "sealed", 1, 1, None, 1_795_000_000.0, tuple(readings), True, 1)
